"""What e-mails say, in each language. Sentences take what they tell of by name."""

from collections.abc import Mapping

from msgspec import Struct

from core.deliveries import OffReason
from core.notices import NoticeKind
from core.shop import Language


class Told(Struct, frozen=True):
    """What a mail says of one thing that happened."""

    subject: str
    title: str
    sentence: str


class Wording(Struct, frozen=True, kw_only=True):
    """The words of one language."""

    greeting: str
    balance: str
    change: str
    moment: str
    of_notices: Mapping[NoticeKind, Told]
    why_this_mail: str
    endpoint_off: Mapping[OffReason, Told]
    endpoint: str
    off_since: str
    what_to_do: str
    why_to_staff: str


WORDINGS: Mapping[Language, Wording] = {
    Language.EN: Wording(
        greeting="Hello {name},",
        balance="Your balance",
        change="Change",
        moment="When",
        of_notices={
            NoticeKind.CREDIT_ADDED: Told(
                "Credit added at {shop}",
                "Credit added",
                "We added {amount} to your credit. Your balance is {balance}.",
            ),
            NoticeKind.CREDIT_APPLIED: Told(
                "Credit used at {shop}",
                "Credit used",
                "You used {amount} of your credit. {balance} is left.",
            ),
            NoticeKind.CREDIT_CAPTURED: Told(
                "Overpayment kept as credit at {shop}",
                "Kept as credit",
                "You paid {amount} more than was due. We keep it as credit for your next visit. "
                "Your balance is {balance}.",
            ),
            NoticeKind.CREDIT_RETURNED: Told(
                "Credit given back at {shop}",
                "Credit given back",
                "We gave {amount} back to your credit, because the payment that used it was cancelled. "
                "Your balance is {balance}.",
            ),
            NoticeKind.CREDIT_VOIDED: Told(
                "Credit cancelled at {shop}",
                "Credit cancelled",
                "We cancelled {amount} of your credit. Your balance is {balance}.",
            ),
        },
        why_this_mail=(
            "You get this e-mail because {shop} keeps credit on file for you. If you would rather not get such "
            "e-mails, please tell the shop."
        ),
        endpoint_off={
            OffReason.FAILING: Told(
                "Webhook endpoint switched off: {host}",
                "Webhook endpoint switched off",
                "None of the webhooks to {url} was accepted for five days, so nothing is sent there any more.",
            ),
            OffReason.GONE: Told(
                "Webhook endpoint switched off: {host}",
                "Webhook endpoint switched off",
                "The receiver at {url} answered that it is gone (410), so nothing is sent there any more.",
            ),
        },
        endpoint="Endpoint",
        off_since="Switched off",
        what_to_do=(
            "Once the receiver works again, switch the endpoint on in the shop's settings, and have what it missed "
            "sent again."
        ),
        why_to_staff="You get this e-mail because you may manage the settings of {shop}.",
    ),
    Language.DE: Wording(
        greeting="Guten Tag {name},",
        balance="Ihr Guthaben",
        change="Änderung",
        moment="Wann",
        of_notices={
            NoticeKind.CREDIT_ADDED: Told(
                "Guthaben gutgeschrieben: {shop}",
                "Guthaben gutgeschrieben",
                "Wir haben Ihnen {amount} gutgeschrieben. Ihr Guthaben beträgt jetzt {balance}.",
            ),
            NoticeKind.CREDIT_APPLIED: Told(
                "Guthaben eingelöst: {shop}",
                "Guthaben eingelöst",
                "Sie haben {amount} von Ihrem Guthaben eingelöst. Ihr Guthaben beträgt noch {balance}.",
            ),
            NoticeKind.CREDIT_CAPTURED: Told(
                "Überzahlung als Guthaben behalten: {shop}",
                "Als Guthaben behalten",
                "Sie haben {amount} mehr bezahlt, als fällig war. Wir bewahren den Betrag für Ihren nächsten Besuch "
                "als Guthaben auf. Ihr Guthaben beträgt jetzt {balance}.",
            ),
            NoticeKind.CREDIT_RETURNED: Told(
                "Guthaben zurückgebucht: {shop}",
                "Guthaben zurückgebucht",
                "Wir haben {amount} auf Ihr Guthaben zurückgebucht, weil die damit geleistete Zahlung storniert wurde. "
                "Ihr Guthaben beträgt jetzt {balance}.",
            ),
            NoticeKind.CREDIT_VOIDED: Told(
                "Guthaben storniert: {shop}",
                "Guthaben storniert",
                "Wir haben {amount} von Ihrem Guthaben storniert. Ihr Guthaben beträgt jetzt {balance}.",
            ),
        },
        why_this_mail=(
            "Sie erhalten diese E-Mail, weil {shop} ein Guthaben für Sie führt. Wenn Sie solche E-Mails nicht möchten, "
            "sagen Sie es bitte der Werkstatt."
        ),
        endpoint_off={
            OffReason.FAILING: Told(
                "Webhook-Endpunkt abgeschaltet: {host}",
                "Webhook-Endpunkt abgeschaltet",
                "Fünf Tage lang wurde kein Webhook an {url} angenommen. Dorthin wird nichts mehr gesendet.",
            ),
            OffReason.GONE: Told(
                "Webhook-Endpunkt abgeschaltet: {host}",
                "Webhook-Endpunkt abgeschaltet",
                "Der Empfänger unter {url} hat geantwortet, dass es ihn nicht mehr gibt (410). Dorthin wird nichts "
                "mehr gesendet.",
            ),
        },
        endpoint="Endpunkt",
        off_since="Abgeschaltet",
        what_to_do=(
            "Sobald der Empfänger wieder arbeitet, schalten Sie den Endpunkt in den Einstellungen der Werkstatt wieder "
            "ein und lassen Sie nachsenden, was er verpasst hat."
        ),
        why_to_staff="Sie erhalten diese E-Mail, weil Sie die Einstellungen von {shop} verwalten dürfen.",
    ),
}
