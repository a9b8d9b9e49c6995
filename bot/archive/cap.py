"""An urgent action as a CAP 1.2 alert, for systems that pass warnings on.

The rules: OASIS Standard "Common Alerting Protocol Version 1.2" (1 July 2010), section 3.2. An alert
says nothing of the day on which it was built, so that its bytes change when the denunciation does.
"""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree as ET  # nosec B405

from bot.archive.said import Said, tag
from bot.archive.shelf import Group, names
from bot.archive.signed import address
from bot.archive.site import Site
from bot.archive.words import clean, isolated
from bot.domain.publication import Publication, Version

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"

CATEGORY = "Security"
"""Of the twelve that there are, the one about security from people ("law enforcement, military,
homeland and local/private security"). "Safety" is about dangers in general, "Rescue" about searches."""

SEVERITY, CERTAINTY = "Severe", "Observed"
""""Significant threat to life or property", "determined to have occurred or to be ongoing": what an
organisation says by making its denunciation an urgent action. It is not asked for more."""


def instant(value: datetime) -> str:
    """Section 3.3.2: no letter for the zone, and UTC is -00:00."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S-00:00")


def identifier(publication: Publication, version: Version, at: datetime) -> str:
    """Of one message: what was said of it then. No spaces, commas, < or & (section 3.2.1)."""
    return f"{publication.code}.{version.language}.{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def alert(site: Site, said: Said, publication: Publication, version: Version) -> bytes:
    """The message that holds now: the first, an Update of it, or a Cancel without its words."""
    sent = publication.changed_at
    withdrawal = publication.withdrawal
    root = ET.Element("alert", xmlns=NAMESPACE)
    _add(root, "identifier", identifier(publication, version, sent))
    _add(root, "sender", site.host)
    _add(root, "sent", instant(sent))
    _add(root, "status", "Actual")
    if withdrawal is not None:
        _add(root, "msgType", "Cancel")
    else:
        _add(root, "msgType", "Alert" if sent == publication.published_at else "Update")
    _add(root, "scope", "Public")
    if withdrawal is not None:
        _say(root, "note", clean(withdrawal.reason))
    if sent != publication.published_at:
        first = publication.published_at
        named = (site.host, identifier(publication, version, first), instant(first))
        _add(root, "references", ",".join(named))
    _info(root, site, said, publication, version)
    return written(root)


def written(root: ET.Element) -> bytes:
    """The file: UTF-8, one element on a line."""
    ET.indent(root)
    shown: bytes = ET.tostring(root, xml_declaration=True, encoding="UTF-8")
    return shown + b"\n"


def _info(
    root: ET.Element, site: Site, said: Said, publication: Publication, version: Version
) -> None:
    withdrawal, closed = publication.withdrawal, publication.closed_at
    over = withdrawal is not None or closed is not None
    info = _add(root, "info")
    _add(info, "language", said.ui if withdrawal else tag(version.language))
    _add(info, "category", CATEGORY)
    _add(info, "event", said("kind.urgent"))
    _add(info, "urgency", "Past" if over else "Immediate")
    _add(info, "severity", SEVERITY)
    _add(info, "certainty", CERTAINTY)
    taken_back = withdrawal.at if withdrawal else None
    ends = [at for at in (publication.act_by, closed, taken_back) if at is not None]
    if ends:
        _add(info, "expires", instant(min(ends)))
    _say(info, "senderName", isolated(publication.organisation))
    _add(info, "headline", said.title(publication, version))
    _say(info, "description", clean(withdrawal.reason if withdrawal else version.text))
    if not over and publication.act_by is not None:
        _add(info, "instruction", said("cap_instruction", date=said.moment(publication.act_by)))
    _add(info, "web", address(site, publication, version))
    _say(info, "contact", isolated(site.contact))
    for region in names(Group.REGION, publication):
        _add(_add(info, "area"), "areaDesc", isolated(region))


def _say(parent: ET.Element, name: str, words: str) -> None:
    """What need not be there is left out when there are no words for it."""
    if words:
        _add(parent, name, words)


def _add(parent: ET.Element, name: str, text: str = "") -> ET.Element:
    element = ET.SubElement(parent, name)
    element.text = text or None
    return element
