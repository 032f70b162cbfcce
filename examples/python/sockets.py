"""A client and a server over sockets: the textbook's bind, listen, accept, connect; then the same in calls, over TCP and Unix sockets."""

import os
import socket
import tempfile
import threading

import crosstie

# The textbook's. TCP is a stream: one recv is not one message, so somebody has to say where a message ends.
server = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    with socket.create_connection(server.getsockname()) as client:
        client.sendall(b"Hello from client\n")
        print("client got:", client.makefile().readline().rstrip(), flush=True)
    os._exit(0)
connection, _ = server.accept()
with connection:
    line = connection.makefile().readline()
    connection.sendall(line.upper().encode())
os.wait()
server.close()

# Ours: a call is a request and its reply, any number at a time; a server that is killed with one in hand is told, not waited for.
folder = tempfile.mkdtemp()
for address in ("tcp:127.0.0.1:0", f"unix:{folder}/upper"):
    with crosstie.Server(address, codec="text") as server:
        mechanism = address.partition(":")[0]
        pool = threading.Thread(target=server.serve, args=(str.upper,), kwargs={"workers": 2})
        pool.start()
        with crosstie.Client(server.address, codec="text") as client:
            print(f"{mechanism} client got:", client.call("Hello from client", timeout=10))
        server.stop()
        pool.join()
os.rmdir(folder)
