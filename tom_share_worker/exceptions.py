"""The errors this app raises on purpose; the text of each says what to do.

Everything else may import from here, and this module imports nothing.
"""


class ShareWorkerError(Exception):
    """Base of the errors that concern one share; never raised itself."""


class ShareRefused(ShareWorkerError):  # noqa: N818  (a verdict, named as people say it)
    """The person may not share this, or asked for something that cannot be shared.

    Its text is shown to that person as it stands. `field` is the part of a program's
    request that it is about, if any.
    """

    def __init__(self, text: str, field: str = "") -> None:
        super().__init__(text)
        self.field = field


class ConfigurationError(Exception):
    """A setting is missing or wrong; the text gives the line to fix.

    Not a ShareWorkerError on purpose: code that reports the fate of one share
    must not swallow a mistake that concerns the whole TOM.
    """
