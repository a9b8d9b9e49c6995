"""The whole bot in simulated time, among simulated platforms and people who do everything wrong."""
