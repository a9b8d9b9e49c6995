"""What an answer below a denunciation does, and what words in its conversation are for."""

from __future__ import annotations

from typing import Any

from handlers import amending, denunciations, drafting, publishing, reviewing
from handlers.context import Context


async def words(ctx: Context, step: str, data: dict[str, Any], text: str) -> None:
    """Words for a draft, or why one is withdrawn."""
    if step == "reason":
        await amending.reason(ctx, int(str(data["denunciation"])), text)
    else:
        await drafting.words(ctx, step, data, text)


async def act(ctx: Context, ref: int, action: str, argument: str) -> None:
    """One press or number below a denunciation."""
    draft = await ctx.tx.denunciations.get(ref)
    if draft is None or draft.group != ctx.speaker.member.group:
        await ctx.toast("toast.stale")
        return
    match action:
        case "review":
            await reviewing.to_review(ctx, draft)
        case "rewrite":
            await denunciations.rewrite(ctx, draft)
        case "discard":
            await denunciations.discard(ctx, draft)
        case "no_files":
            await denunciations.without_files(ctx, draft)
        case "settings":
            await drafting.settings(ctx, draft)
        case "approve":
            await reviewing.approve(ctx, draft, argument)
        case "return":
            await reviewing.give_back(ctx, draft)
        case "agree_later":
            await reviewing.agree_later(ctx, draft)
        case "stop":
            await publishing.stop(ctx, draft)
        case "retry":
            await publishing.retry(ctx, draft)
        case "withdraw":
            await ctx.toast("toast.done")
            await amending.ask_to_withdraw(ctx, draft, "")
        case "withdraw_now":
            await amending.withdraw(ctx, draft, argument)
        case "keep":
            await amending.keep(ctx, draft)
