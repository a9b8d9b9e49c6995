"""What a button or a number of a question does, by its topic."""

from __future__ import annotations

from bot.domain.decision import Kind as Decided
from handlers import (
    aftercare,
    alliances,
    care,
    checkins,
    collectives,
    complaints,
    consent,
    contacts,
    covers,
    decisions,
    denunciation_acts,
    denunciations,
    destinations,
    details,
    drafting,
    drills,
    duty,
    entries,
    exports,
    feedback,
    following,
    groups,
    identities,
    incident_acts,
    incidents,
    invitations,
    joining,
    logbook,
    lost,
    mass,
    my_data,
    notes,
    once,
    panic_button,
    plan_editor,
    proposals,
    readers,
    readings,
    regions,
    reviewing,
    roles,
    rotations,
    shifts,
    stints,
    subject,
    swaps,
    talks,
    trips,
)
from handlers.context import Context
from storage.conversations import Option, Prompt

CARRIED_OUT: dict[Decided, decisions.CarryOut] = {
    Decided.GIVE: roles.give,
    Decided.TAKE: roles.take,
    Decided.PUT_OUT: roles.put_out,
    Decided.PLAN: groups.carry_out_plan,
    Decided.RISK: groups.carry_out_risk,
    Decided.INVITE: invitations.carry_out,
    Decided.EXPORT: exports.carry_out,
    Decided.RESTORE: lost.carry_out,
    Decided.DETAILS: details.carry_out,
}
"""What two people decided, and what does it."""


async def pressed(ctx: Context, prompt: Prompt, option: Option) -> None:
    """What was chosen; whether it may be was asked (`handlers.rights`)."""
    match prompt.topic:
        case checkins.TOPIC if option.action == "extend":
            await trips.extend_question(ctx, prompt.ref)
        case checkins.TOPIC if option.action in ("missing", "missing_other"):
            await collectives.pressed_missing(
                ctx, prompt.ref, option.action, option.argument
            )
        case checkins.TOPIC:
            await checkins.chosen(ctx, prompt.ref, option.action)
        case incidents.TOPIC:
            incident = await ctx.tx.incidents.get(prompt.ref)
            if incident is not None and option.action in subject.ACTS:
                await subject.says(ctx, incident, safe=option.action == "safe")
            elif incident is not None:
                await incident_acts.act(ctx, incident, option.action, option.argument)
        case mass.TOPIC if option.action == "more":
            await mass.more(ctx, prompt.ref, int(option.argument))
        case mass.TOPIC:
            case = await ctx.tx.incidents.get(int(option.argument))
            if case is not None:
                await incident_acts.show_case(ctx, case)
        case checkins.DOUBT_TOPIC:
            if await checkins.settle_doubt(ctx, option.action):
                await entries.manual(ctx)
        case trips.TOPIC:
            await trips.pressed(ctx, prompt.ref, option.action, option.argument)
        case once.TOPIC:
            await once.drop(ctx, prompt.ref)
        case readings.TOPIC:
            await readings.chosen(ctx, prompt.ref, option.argument, talks.READ)
        case collectives.TOPIC:
            await collectives.pressed(ctx, prompt.ref, option.action, option.argument)
        case checkins.SCHEDULE_TOPIC:
            await checkins.end_schedule(ctx, prompt.ref)
        case joining.TOPIC:
            await ctx.close_prompt(prompt)
            await joining.decided(ctx, option.action)
        case groups.TOPIC:
            await groups.decided(ctx, option.action, option.argument)
        case plan_editor.TOPIC:
            await plan_editor.pressed(ctx, prompt.ref, option.action, option.argument)
        case proposals.TOPIC:
            await proposals.pressed(ctx, prompt.ref, option.action, option.argument)
        case denunciations.TOPIC:
            await denunciation_acts.act(ctx, prompt.ref, option.action, option.argument)
        case drafting.TOPIC:
            await drafting.pressed(ctx, prompt.ref, option.action, option.argument)
        case reviewing.NAMED_TOPIC:
            await reviewing.named(ctx, prompt.ref, option.action, option.argument)
        case readers.TOPIC:
            await readers.pressed(ctx, prompt.ref, option.action, option.argument)
        case readers.TOPICS_TOPIC:
            await readers.end_topic(ctx, prompt.ref, option.argument)
        case identities.TOPIC | identities.COMPARISON_TOPIC:
            await identities.decided(ctx, prompt, option.action, option.argument)
        case destinations.TOPIC:
            await destinations.decided(ctx, prompt.ref, option.action, option.argument)
        case following.TOPIC:
            await following.stop(ctx, prompt.ref)
        case following.ALERT_TOPIC:
            await following.pressed(ctx, prompt.ref, option.action)
        case decisions.TOPIC:
            await decisions.decided(
                ctx, prompt.ref, option.action, option.argument, CARRIED_OUT
            )
        case decisions.REQUEST_TOPIC:
            await decisions.withdraw(ctx, prompt.ref)
        case decisions.OFFER_TOPIC:
            await roles.answered(ctx, prompt.ref, option.action)
        case roles.TOPIC:
            await roles.pressed(ctx, prompt.ref, option.action, option.argument)
        case roles.OWN_TOPIC:
            await roles.give_up(ctx, prompt.ref, option.argument)
        case consent.TOPIC:
            await consent.pressed(ctx, prompt.ref, option.action, option.argument)
        case invitations.TOPIC:
            await invitations.revoke(ctx, prompt.ref)
        case lost.TOPIC:
            await lost.pressed(ctx, prompt.ref, option.action)
        case exports.TOPIC:
            await exports.pressed(ctx, prompt.ref, option.action)
        case logbook.TOPIC:
            await logbook.more(ctx, prompt.ref, option.argument)
        case regions.TOPIC:
            await regions.pressed(ctx, prompt.ref, option.action, option.argument)
        case regions.OWN_TOPIC:
            await regions.answered(ctx, prompt.ref, option.action)
        case alliances.TOPIC:
            await alliances.pressed(ctx, prompt.ref, option.action)
        case rotations.TOPIC:
            await rotations.pressed(ctx, prompt.ref, option.action, option.argument)
        case rotations.OFFER_TOPIC:
            await rotations.answered(ctx, prompt.ref, option.action)
        case duty.TOPIC:
            await duty.pressed(ctx, prompt.ref, option.action)
        case stints.TOPIC:
            await shifts.pressed(ctx, prompt.ref, option.action, option.argument)
        case swaps.TOPIC:
            await swaps.answered(ctx, prompt.ref, option.action, option.argument)
        case covers.TOPIC:
            await covers.pressed(ctx, prompt.ref, option.action, option.argument)
        case my_data.TOPIC:
            await my_data.pressed(ctx, prompt.ref, option.action)
        case aftercare.TOPIC:
            await aftercare.pressed(ctx, prompt.ref, option.action)
        case feedback.TOPIC:
            await feedback.pressed(ctx, prompt.ref, option.action, option.argument)
        case notes.TOPIC:
            await notes.pressed(ctx, prompt.ref, option.action, option.argument)
        case care.TOPIC:
            await care.pressed(ctx, prompt.ref, option.action, option.argument)
        case complaints.TOPIC:
            await complaints.pressed(ctx, prompt.ref, option.action, option.argument)
        case complaints.CASE_TOPIC:
            await complaints.pressed_case(ctx, prompt.ref, option.action)
        case panic_button.TOPIC:
            await panic_button.pressed(ctx, prompt.ref)
        case drills.TOPIC:
            await drills.pressed(ctx, prompt.ref, option.action)
        case drills.MENU_TOPIC:
            await drills.chosen(ctx, prompt.ref, option.action, option.argument)
        case contacts.TOPIC:
            await contacts.pressed(ctx, prompt.ref)
