"""Everything that can go wrong with one call to the Platform API, as a small tree of typed errors.

Each error carries what a person and a log need: the HTTP status the portal answers with, a sentence in plain words, the
operation (name of the `Gateway` method), the API's own status and message (untrusted text), the request id,
`retry_after` in seconds where the API gave one, and `sent`: False where the request cannot have reached the API, so
that a write is known not to have happened.
"""

from __future__ import annotations

from typing import Any, ClassVar


def to_translate(words: str) -> str:
    """Mark words that are looked up in a catalog where they are shown: `make messages` finds them by this name."""
    return words


class GatewayError(Exception):
    """Base of all of them; never raised itself."""

    status: ClassVar[int] = 502
    """The status the portal answers with."""
    sentence: ClassVar[str] = to_translate("The platform could not do that.")
    """What happened, for a person. Plain English; the portal translates it."""

    def __init__(
        self,
        *,
        operation: str = "",
        api_status: int | None = None,
        api_message: str = "",
        request_id: str = "",
        retry_after: float | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__()
        self.operation = operation
        self.api_status = api_status
        self.api_message = api_message
        self.request_id = request_id
        self.retry_after = retry_after
        self.sent = sent

    @property
    def uncertain(self) -> bool:
        """Whether a write that failed with this may have been carried out all the same: sent, not plainly refused."""
        return self.sent and self.status >= 500

    def __str__(self) -> str:
        return f"{type(self).__name__} in {self.operation or 'a call'}: status {self.api_status}"


class Unreachable(GatewayError):
    """No connection: refused, name not found, TLS failed, reset before any answer."""

    status = 503
    sentence = to_translate("The platform cannot be reached.")


class CircuitOpen(Unreachable):
    """Not even tried: too many calls of this kind have failed of late. `retry_after`: seconds until one is tried."""

    sentence = to_translate("The platform has not been answering, so it was not asked now.")

    def __init__(self, **told: Any) -> None:
        super().__init__(**told | {"sent": False})


class ConcurrencyExceeded(GatewayError):
    """The portal itself has more calls to make than it can make at once, and this one's turn did not come in time."""

    status = 503
    sentence = to_translate("The portal is busy just now.")

    def __init__(self, **told: Any) -> None:
        super().__init__(**told | {"sent": False})


class UserConcurrencyExceeded(ConcurrencyExceeded):
    """As Busy, but the calls that are in the way are this person's own."""

    sentence = to_translate("You have too many calls under way at the same time, so this one was not sent.")


class TimedOut(GatewayError):
    """The answer did not come, or did not end, within its time."""

    status = 504
    sentence = to_translate("The platform did not answer in time.")


class OutOfTime(TimedOut):
    """The page had used up its time before this call could be sent."""

    sentence = to_translate("The time for this page was over before this could be sent, so nothing was sent.")

    def __init__(self, **told: Any) -> None:
        super().__init__(**told | {"sent": False})


class ServerFault(GatewayError):
    """The API answered 5xx."""

    status = 502
    sentence = to_translate("The platform reported a fault of its own.")


class BadReply(GatewayError):
    """An answer that cannot be read: not JSON, wrong types, cut short, too large, a redirect, an unknown status.

    `detail` is all that may be told of its body: content type, length and the beginning of its SHA-256.
    """

    status = 502
    sentence = to_translate("The platform's answer could not be read.")

    def __init__(self, *, detail: str = "", **told: Any) -> None:
        super().__init__(**told)
        self.detail = detail

    def __str__(self) -> str:
        return f"{super().__str__()}, {self.detail}" if self.detail else super().__str__()


class Redirected(BadReply):
    """A redirect that is not followed: to `host` (untrusted text, made printable; "" where none can be read)."""

    sentence = to_translate("The platform refers to another address, which this portal does not use.")

    def __init__(self, *, host: str = "", **told: Any) -> None:
        super().__init__(**told)
        self.host = host

    @property
    def uncertain(self) -> bool:
        """307 and 308 ask for the same once more at the other address: nothing was done here. 303 may come after."""
        return super().uncertain and self.api_status not in {307, 308}


class Unauthorized(GatewayError):
    """401, also after one refresh: the person has to sign in again."""

    status = 401
    sentence = to_translate("Your session with the platform has ended.")


class Forbidden(GatewayError):
    """403, or a permission that is known to be missing before the call."""

    status = 403
    sentence = to_translate("You may not do this.")


class NotFound(GatewayError):
    """404: gone, or outside what this person can see. The API does not tell which."""

    status = 404
    sentence = to_translate("This is gone, or outside your reach.")


class RateLimited(GatewayError):
    """429: the organization's or the device's limit is used up.

    With `sent` False the portal did not ask: its own ceiling is reached, or the platform asked it to wait.
    """

    status = 429
    sentence = to_translate("The platform asks us to wait: too many requests.")
    ours: ClassVar[bool] = False
    """Whether it is the portal's own limit, and not the platform's."""


class RateExceeded(RateLimited):
    """All people of the portal together have made as many calls in this minute as it makes."""

    sentence = to_translate("The portal has used up its calls of this minute, so the platform was not asked.")
    ours = True

    def __init__(self, **told: Any) -> None:
        super().__init__(**told | {"sent": False})


class UserRateExceeded(RateExceeded):
    """One person has made as many calls in this minute as are left for all others."""

    sentence = to_translate("You have used up your share of the calls of this minute, so the platform was not asked.")


class Rejected(GatewayError):
    """400 and the other 4xx: the API understood and refused the input. Views show `api_message` beside the field."""

    status = 422
    sentence = to_translate("The platform refused this input.")
