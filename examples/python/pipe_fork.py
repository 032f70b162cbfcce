"""A parent and its child over a pipe: the textbook's os.pipe and os.fork, then the same with messages that stay apart."""

import os

import crosstie

# The textbook's. Bytes have no boundaries: whoever reads asks for enough, and hopes.
reading, writing = os.pipe()
if os.fork() == 0:
    os.close(writing)
    data = os.read(reading, 100)
    print("child got:", data.decode(), flush=True)
    os._exit(0)
os.close(reading)
os.write(writing, b"Hello from parent")
os.close(writing)
os.wait()

# Ours, over a pipe as well: two messages are two messages, and the end is told.
reading, writing = os.pipe()
if os.fork() == 0:
    os.close(writing)
    for message in crosstie.Receiver(f"fd:{reading}", codec="text"):
        print("child got:", message, flush=True)
    os._exit(0)
os.close(reading)
with crosstie.Sender(f"fd:{writing}", codec="text") as tx:
    tx.send("Hello from parent")
    tx.send("and goodbye")
os.wait()
