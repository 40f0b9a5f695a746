#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ctypes_walk.py PREFIX CERT KEY: one connection of two bare machines from Python, step by step: what went in, what the step
said, where the two halves are, what is needed now, how many bytes moved. It ends clean; then once more, and cut in the middle.
PREFIX is where tlsm is installed. The layout of its structures comes from its headers, by way of the compiler ($CC, or cc)."""
import ctypes
import os
import subprocess
import sys
import tempfile

LAYOUT = {   # the members that are used here
    "tlsm_settings": "role credentials credential_count",
    "tlsm_config": "settings crypto self",
    "tlsm_in": "kind bytes.data bytes.length count entropy server_name.data server_name.length answer",
    "tlsm_out": "wire.data wire.capacity plain.data plain.capacity state_capacity consumed wire_length plain_length news",
    "tlsm_state": "control.rx control.tx",
    "tlsm_libcrypto_answerer": "instance judge credentials credential_count",
    "tlsm_verdict": "how", "tlsm_answer": "", "tlsm_entropy": "",
}
COMPILER = os.environ.get("CC", "cc").split()
NEEDS = "RECEIVE PRODUCE SEND ANSWER COMMAND DEADLINE".split()
CONSTANTS = "TLSM_CLIENT TLSM_SERVER TLSM_HANDSHAKE_ROOM TLSM_RECORD_MAX TLSM_NEWS_DATA".split() + ["TLSM_NEED_" + need for need in NEEDS]
CONSTANTS += ["TLSM_IN_" + kind for kind in "START WIRE PRODUCE WRITE SENT CLOSE EOF ANSWER".split()]

def probe(prefix):
    """Asks the compiler: {constant: (value, 0), structure: (size, 0), structure.member: (offset, size)}."""
    asked = [(name, name, "0") for name in CONSTANTS] + [(name, f"sizeof(struct {name})", "0") for name in LAYOUT]
    asked += [(f"{name}.{member}", f"offsetof(struct {name}, {member})", f"sizeof ((struct {name} *)0)->{member}")
              for name, members in LAYOUT.items() for member in members.split()]
    lines = [f'printf("{name} %zu %zu\\n", (size_t)({first}), (size_t)({second}));' for name, first, second in asked]
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/probe.c", "w") as file:
            file.write("#include <stddef.h>\n#include <stdio.h>\n#include <tlsm_libcrypto.h>\nint main(void) {\n" + "\n".join(lines) + "}\n")
        subprocess.run([*COMPILER, f"-I{prefix}/include/tlsm", folder + "/probe.c", "-o", folder + "/probe"], check=True)
        said = subprocess.check_output([folder + "/probe"], text=True)
    return {name: (int(first), int(second)) for name, first, second in map(str.split, said.splitlines())}

def number(name):
    return FACTS[name][0]
def words(kind, value):
    return getattr(core, f"tlsm_{kind}_name")(value).decode()

class Struct:
    """A structure of C: members by name, numbers and addresses alike. A dot in a name is written as two underscores."""
    def __init__(self, name, /, **values):
        self.name, self.raw = name, ctypes.create_string_buffer(number(name))
        self.at = address(ctypes.addressof(self.raw))
        for member, value in values.items():
            offset, size = FACTS[f"{name}.{member.replace('__', '.')}"]
            self.raw[offset:offset + size] = (getattr(value, "value", value) or 0).to_bytes(size, sys.byteorder)

    def __getitem__(self, member):
        offset, size = FACTS[f"{self.name}.{member}"]
        return int.from_bytes(self.raw[offset:offset + size], sys.byteorder)

class Machine:
    """One side. What it produces is in the other's inbox at once."""
    def __init__(self, who, config):
        self.who, self.config, self.other, self.inbox, self.got = who, config, None, b"", b""
        self.state = ctypes.create_string_buffer(number("TLSM_HANDSHAKE_ROOM"))
        self.wire, self.plain = (ctypes.create_string_buffer(number("TLSM_RECORD_MAX")) for _ in range(2))
        core.tlsm_init(self.state)

    def needs(self):
        return [need for need in NEEDS if core.tlsm_needs(self.state) & number("TLSM_NEED_" + need)]

    def step(self, kind, data=b"", **values):
        held = ctypes.create_string_buffer(data, max(len(data), 1))
        what = Struct("tlsm_in", kind=number("TLSM_IN_" + kind), bytes__data=ctypes.addressof(held), bytes__length=len(data), **values)
        out = Struct("tlsm_out", wire__data=ctypes.addressof(self.wire), wire__capacity=len(self.wire),
                     plain__data=ctypes.addressof(self.plain), plain__capacity=len(self.plain), state_capacity=len(self.state))
        code = core.tlsm_step(self.config.at, self.state, what.at, self.state, out.at)
        halves = Struct("tlsm_state")
        halves.raw = self.state
        print(f"{self.who}  {kind:7}  {words('code', code):14}  rx {words('rx', halves['control.rx']):10}"
              f"tx {words('tx', halves['control.tx']):10} {out['consumed']:4} in {out['wire_length']:4} out  {'|'.join(self.needs())}")
        if out["news"] & number("TLSM_NEWS_DATA"):
            self.got += self.plain.raw[:out["plain_length"]]
        return out

    def send(self, kind, data=b""):
        out = self.step(kind, data)
        self.other.inbox += self.wire.raw[:out["wire_length"]]
        self.step("SENT", count=out["wire_length"])

    def turn(self):
        """One thing that is needed. False: only the other side, or the application, can go on."""
        needs, answer = self.needs(), Struct("tlsm_answer")
        if "ANSWER" in needs:
            adapters.tlsm_libcrypto_answer(ANSWERER.at, self.config.at, self.state, answer.at)
            self.step("ANSWER", answer=answer.at)
        elif "PRODUCE" in needs:
            self.send("PRODUCE")
        elif "RECEIVE" in needs and self.inbox:
            used = self.step("WIRE", self.inbox)["consumed"]
            self.inbox = self.inbox[used:]
            return used > 0
        else:
            return False
        return True

def walk(configs, cut):
    print("\nThe same, cut:" if cut else "A clean end:")
    client, server = Machine("client", configs[0]), Machine("server", configs[1])
    client.other, server.other = server, client
    def go_on():
        while client.turn() or server.turn():
            pass
    for machine, name in (client, b"localhost"), (server, b""):
        named, entropy = ctypes.create_string_buffer(name), ctypes.create_string_buffer(os.urandom(number("tlsm_entropy")))
        machine.step("START", entropy=ctypes.addressof(entropy), server_name__data=ctypes.addressof(named), server_name__length=len(name))
    go_on()
    client.send("WRITE", b"GET /")
    go_on()
    server.send("WRITE", b"a page of which nothing may be missing")
    if cut:
        client.inbox = client.inbox[:len(client.inbox) // 2]
        client.turn()
        client.step("EOF", count=len(client.inbox))
    for machine in server, client:
        machine.step("CLOSE")
        go_on()
    for machine in client, server:
        verdict = Struct("tlsm_verdict")
        core.tlsm_verdict(machine.state, verdict.at)
        text = core.tlsm_code_text(core.tlsm_how_code(verdict["how"])).decode()
        print(f"{machine.who}: {words('how', verdict['how'])}: {text} It got {machine.got.decode()!r}.")

if len(sys.argv) != 4:
    sys.exit("ctypes_walk.py PREFIX CERT KEY")
address, prefix, why = ctypes.c_void_p, sys.argv[1], ctypes.create_string_buffer(512)
FACTS = probe(prefix)
core = ctypes.CDLL(f"{prefix}/lib/libtlsm.so.0", ctypes.RTLD_GLOBAL)
adapters = ctypes.CDLL(f"{prefix}/lib/libtlsm-adapters.so.0")
for function in adapters.tlsm_libcrypto_new, adapters.tlsm_judge_insecurely_trust_anyone, adapters.tlsm_libcrypto_credential_load:
    function.restype = address
for function in [core.tlsm_code_text] + [getattr(core, f"tlsm_{kind}_name") for kind in ("code", "how", "rx", "tx")]:
    function.restype = ctypes.c_char_p
own = address(adapters.tlsm_libcrypto_credential_load(sys.argv[2].encode(), sys.argv[3].encode(), why, len(why)))
own.value or sys.exit(why.value.decode())
instance, anyone = adapters.tlsm_libcrypto_new(None), adapters.tlsm_judge_insecurely_trust_anyone()
ANSWERER = Struct("tlsm_libcrypto_answerer", instance=instance, judge=anyone, credentials=ctypes.addressof(own), credential_count=1)
table = ctypes.addressof(ctypes.c_char.in_dll(adapters, "tlsm_libcrypto_table"))
client_settings = Struct("tlsm_settings", role=number("TLSM_CLIENT"))
server_settings = Struct("tlsm_settings", role=number("TLSM_SERVER"), credentials=own, credential_count=1)   # `own` begins with one
CONFIGS = [Struct("tlsm_config", settings=settings.at, crypto=table, self=instance) for settings in (client_settings, server_settings)]
for cut in False, True:
    walk(CONFIGS, cut)
