"""Two processes that meet at a FIFO by its name: the textbook's os.mkfifo and open, then the same with messages that stay apart."""

import os
import tempfile

import crosstie

folder = tempfile.mkdtemp()
path = f"{folder}/letters"

# The textbook's: to open it waits for the other side; the end of file comes when the last writer has closed it, or was killed.
os.mkfifo(path)
if os.fork() == 0:
    with open(path, "w") as letters:
        letters.write("Hello\nfrom a FIFO\n")
    os._exit(0)
with open(path) as letters:
    for line in letters:
        print("read:", line.rstrip())
os.wait()
os.unlink(path)

# Ours: many may send at a time, of any length, and none is torn; a killed sender is not an end.
if os.fork() == 0:
    with crosstie.Sender(f"fifo:{path}", codec="text") as tx:
        tx.send("Hello,\nof two lines")
        tx.send("x" * 100_000)
    os._exit(0)
with crosstie.Receiver(f"fifo:{path}", codec="text") as rx:
    for message in rx:
        print("received:", len(message), "letters")
os.wait()
crosstie.remove(f"fifo:{path}")
os.rmdir(folder)
