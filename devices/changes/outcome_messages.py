"""What became of a change, in one sentence: how a notice begins."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.audit.log import CONFIRMED, REJECTED, EntryState

DONE = {
    "create_device": gettext_lazy("%(after)s was created."),
    "rename_device": gettext_lazy("Renamed to %(after)s."),
    "set_metafield": gettext_lazy("%(target)s was set to %(after)s."),
    "transfer_to_owner": gettext_lazy("Transferred to %(after)s."),
    "transfer_to_organization": gettext_lazy("Transferred to %(after)s."),
    "remove_owner": gettext_lazy("The owner was removed."),
    "trigger_event": gettext_lazy("The event %(target)s was triggered."),
    "reveal_token": gettext_lazy("The token was shown."),
    "clear_device": gettext_lazy("The data of %(device)s was erased."),
    "delete_device": gettext_lazy("%(device)s was deleted."),
}
NOT_DONE = {
    "create_device": gettext_lazy("%(after)s was not created."),
    "rename_device": gettext_lazy("%(device)s was not renamed."),
    "set_metafield": gettext_lazy("%(target)s was not changed."),
    "transfer_to_owner": gettext_lazy("%(device)s was not transferred."),
    "transfer_to_organization": gettext_lazy("%(device)s was not transferred."),
    "remove_owner": gettext_lazy("The owner was not removed."),
    "trigger_event": gettext_lazy("The event %(target)s was not triggered."),
    "reveal_token": gettext_lazy("The token was not shown."),
    "clear_device": gettext_lazy("The data of %(device)s was not erased."),
    "delete_device": gettext_lazy("%(device)s was not deleted."),
}
NOT_KNOWN = {
    "create_device": gettext_lazy("It is not known whether %(after)s was created."),
    "rename_device": gettext_lazy("It is not known whether %(device)s was renamed."),
    "set_metafield": gettext_lazy("It is not known whether %(target)s was changed."),
    "transfer_to_owner": gettext_lazy("It is not known whether %(device)s was transferred."),
    "transfer_to_organization": gettext_lazy("It is not known whether %(device)s was transferred."),
    "remove_owner": gettext_lazy("It is not known whether the owner was removed."),
    "trigger_event": gettext_lazy("It is not known whether the event %(target)s was triggered."),
    "reveal_token": gettext_lazy("It is not known whether the token was shown."),
    "clear_device": gettext_lazy("It is not known whether the data of %(device)s was erased."),
    "delete_device": gettext_lazy("It is not known whether %(device)s was deleted."),
}
SECRET = gettext_lazy("%(target)s was set to a new value.")
EMPTIED = gettext_lazy("%(target)s was emptied.")


def said(state: EntryState, operation: str, *, device: str, target: str, after: str, secret: bool = False) -> str:
    """The sentence. `device`, `target` and `after` are words, cut short by whoever gives them."""
    if state.outcome == CONFIRMED:
        words = DONE.get(operation)
        if operation == "set_metafield" and secret:
            words = SECRET
        elif operation == "set_metafield" and not after:
            words = EMPTIED
    else:
        words = (NOT_DONE if state.outcome == REJECTED else NOT_KNOWN).get(operation)
    if words is None:
        return _("The change %(operation)s was noted.") % {"operation": operation}
    return str(words) % {"device": device or _("The device"), "target": target, "after": after or _("nothing")}
