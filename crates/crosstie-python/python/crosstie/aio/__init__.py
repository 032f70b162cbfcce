"""What crosstie has, for asyncio: no thread waits, the event loop polls a descriptor.

>>> import asyncio, crosstie, crosstie.aio
>>> async def main():
...     async with crosstie.aio.Receiver("ring:ticks") as rx:
...         async with crosstie.aio.Sender("ring:ticks") as tx:
...             await tx.send(b"tick")
...         return [message async for message in rx]
>>> asyncio.run(main())
[b'tick']
"""

from .calls import Client, Replies, Server
from .channels import Receiver, Sender
from .meetings import Barrier, Condition, Event, Monitor
from .turns import CountingSemaphore, Lock, RwLock, Semaphore

__all__ = [
    "Barrier",
    "Client",
    "Condition",
    "CountingSemaphore",
    "Event",
    "Lock",
    "Monitor",
    "Receiver",
    "Replies",
    "RwLock",
    "Semaphore",
    "Sender",
    "Server",
]
