"""Group E: a server that lies to people who write in encrypted rooms."""

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.hostile.people import World


@attack(
    "The server shows a message under another member's name",
    expects="The message is not shown as that member's, and a row says why.",
    stage=Stage.PEOPLE,
)
async def another_author(world: World, seen: Evidence) -> bool:
    room, (ada, _, cat) = await world.together("ada", "ben", "cat")
    await cat.stop()
    text = await ada.say(room)
    seen.sent(f"ada writes {text!r}")
    async with world.halted() as server:
        newest = server.sealed(room)[-1]
        server.edit("UPDATE events SET author = 'ben' WHERE room = ? AND seq = ?", room, newest)
    seen.sent("the server's table says that ben wrote it")
    await cat.start()
    await world.until(lambda: cat.top(room) >= world.server.head(room))
    shown = await cat.texts(room)
    seen.received(f"cat's client shows {shown}")
    seen.observed(f"it says: {await cat.words()}")
    return ("ben", text) not in shown
