"""What makes the rules durable: inbox, timers, outbox. It is given the handlers."""
