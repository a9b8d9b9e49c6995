"""A Bot API server of our own, in its own process, for the tests.

It speaks HTTP as https://core.telegram.org/bots/api says, with the error texts of the real server
(https://github.com/tdlib/telegram-bot-api). People, groups and faults are made through /control/.
Its log, one JSON object a line, is the truth about what was sent.

    python -m tests.fakes.botapi --port 0 --log FILE
"""
