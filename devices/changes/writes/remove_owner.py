"""Remove the owner: `DELETE /device/owner`. The device stays where it is and belongs to nobody."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from devices.changes.forms import ChangeForm
from devices.changes.kinds import AnswersWith, ChangeKind, ChangeRequest, Example, Opens, Place, Subject, Words
from devices.changes.verification import reads_back
from devices.changes.writes.transfer import OWNER_UNDO, owner_id, owner_name, owner_words
from devices.core.permissions import judge_here


def read(change: ChangeRequest) -> Subject:
    """The device with its owner, and why there may be nothing to remove."""
    info = change.context.gateway.get_base_info(change.device_id)
    verdict = judge_here("remove_owner", change.request.access, info.owner_user_id)
    return Subject(info, owner_id(info), owner_words(change, info), closed=verdict.why if verdict.closed else "")


REMOVE_OWNER = ChangeKind(
    operation="remove_owner",
    name="remove-owner",
    path="remove-owner/",
    order=40,
    words=Words(
        label=_("Remove the owner"),
        about=_("The device stays where it is and belongs to nobody."),
        button=_("Remove owner"),
        title=_("Remove the owner"),
        submit=_("Remove owner"),
        busy=_("Removing"),
        done=_("The owner was removed."),
        not_done=_("The owner was not removed."),
        unknown=_("It is not known whether the owner was removed."),
        refused=_("The platform refused to remove the owner."),
    ),
    icon="user-round-x",
    shown=frozenset({Place.ACTIONS}),
    opens=Opens.DIALOG,
    answers_with=AnswersWith.REDIRECT,
    destructive=True,
    form=ChangeForm,
    field=None,
    read=read,
    intent=lambda change, checked: {"before": checked.subject.version},
    send=lambda gateway, intent: gateway.remove_owner(intent.device_id or 0),
    observe=reads_back(owner_id),
    undo=OWNER_UNDO,
    describe=owner_name,
    values_are_ids=True,
    template="changes/_remove_owner.html",
    example=Example({}),
)
