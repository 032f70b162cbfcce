"""A server that answers each call with what a function makes of it, and a client that asks; an exception refuses."""

import os
import sys
import threading

import crosstie


def shout(request):
    if not request:
        raise ValueError("say something")  # the caller's error has this text
    return request + "!"


address = sys.argv[1]
if os.fork() == 0:
    with crosstie.Client(address, codec="text") as client:  # waits until the server is there
        print(client.call("hello", timeout=5))
        try:
            client.call("")
        except crosstie.Error as refusal:
            print(f"{refusal.id}: {refusal}")
    sys.stdout.flush()
    os._exit(0)
with crosstie.Server(address, codec="text") as server:
    # Once the client has gone there is nobody to answer.
    threading.Thread(target=lambda: (os.wait(), server.stop())).start()
    server.serve(shout)
