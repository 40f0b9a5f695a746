#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What other libraries say to a machine that their bytes meet under the fuzz target wire: a file for each of them, each scene that a
peer of its kind can talk to, written to a folder by fuzz/record_wire.c. `make corpus-record` runs it; the programs are those of
`make peers`. A library that is not there is passed over, and named."""
import argparse
import os
import subprocess
import sys

import interop
import interop_cases as cases

# The scenes of fuzz/scene.c that a stranger can be the peer of: its number, and what the stranger is told beyond its role.
CLIENTS = {0: "version=1.3", 2: "version=1.3 groups=secp256r1", 17: "version=1.2", 26: "version=1.2 ask=request", 28: "version=1.3 late=1",
           31: "version=1.2"}
SERVERS = {1: "version=1.3", 3: "version=1.3", 8: "version=1.3 prime=1", 18: "version=1.2", 23: "version=1.2", 25: "version=1.3",
           27: "version=1.2", 32: ""}
LIMIT_SECONDS = 20


def plan(role, more, pki, **words):
    told = {"role": role, **dict(word.split("=") for word in more.split()), **words, "script": "handshake"}
    if role == "server" or "cert" in more:
        told.update(cert=os.path.join(pki, "p256.pem"), key=os.path.join(pki, "p256.key"))
    if role == "client" or "ask" in told or "late" in told:
        told["ca"] = os.path.join(pki, "ca.pem")
    if role == "client":
        told["name"] = "localhost"
    return told


def from_server(peer, recorder, scene, pki, path):
    """The stranger is the server: it says its port first, and its report last."""
    peer.tell(plan("server", CLIENTS[scene], pki))
    said = peer.hear()
    if "port" not in said:
        return "cannot do that: " + str(said.get("said", said))
    done = subprocess.run([recorder, str(scene), "connect", str(said["port"]), path], timeout=LIMIT_SECONDS, stderr=subprocess.PIPE, check=False)
    peer.hear()
    return None if done.returncode == 0 else done.stderr.decode().strip() or "said nothing"


def from_client(peer, recorder, scene, pki, path):
    with subprocess.Popen([recorder, str(scene), "listen", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        port = running.stdout.readline().decode().strip()
        # A connection that leaves a session behind is none that counts here.
        peer.tell(plan("client", SERVERS[scene].replace("prime=1", ""), pki, port=port))
        said = peer.hear()
        if said.get("end") == "unable":
            running.terminate()
            return "cannot do that: " + str(said.get("said", said))
        status = running.wait(LIMIT_SECONDS)
        return None if status == 0 else running.stderr.read().decode().strip() or "said nothing"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", required=True, metavar="FOLDER", help="the libraries' programs")
    parser.add_argument("--recorder", required=True, metavar="PROGRAM", help="fuzz/record_wire.c, built")
    parser.add_argument("--pki", required=True, metavar="FOLDER", help="ca.pem, p256.pem and p256.key")
    parser.add_argument("--into", required=True, metavar="FOLDER", help="where the files go")
    given = parser.parse_args()
    peers = interop.Peers(given.peers, "")
    count = 0
    os.makedirs(given.into, exist_ok=True)
    for name in cases.PEERS:
        if name == "tlsm":
            continue
        if not os.path.exists(peers.program(name)):
            print(f"{cases.TITLES[name]}: passed over, it is not installed here")
            continue
        for role, scenes, record in (("server", CLIENTS, from_server), ("client", SERVERS, from_client)):
            for scene in scenes:
                path = os.path.join(given.into, f"{name}_{role}_{scene}")
                try:
                    why = record(peers.get(name, role, ""), given.recorder, scene, given.pki, path)
                except (interop.Stuck, subprocess.TimeoutExpired) as stuck:
                    why = str(stuck)
                    peers.drop(name, role)
                count += why is None
                print(f"{cases.TITLES[name]}, {role}, scene {scene}: {why or str(os.path.getsize(path)) + ' bytes'}", flush=True)
    peers.close()
    print(f"{count} connections recorded")
    return count == 0


if __name__ == "__main__":
    sys.exit(main())
