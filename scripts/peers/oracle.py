"""What a wait that looks once must answer to one body: read from the contract, naively."""

import ipaddress
import json
import random

ID = "inst_abc123xyz"
NO_ADDRESS = [ipaddress.ip_network(n) for n in ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "ff00::/8", "::/128")]


def address(text):
    """The address that may be printed, of an API on loopback, or None."""
    try:
        ip = ipaddress.ip_address(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if ip is None or any(ip in n for n in NO_ADDRESS if n.version == ip.version):
        return None
    return str(ip)


def judge(body, condition="ready"):
    """Exit code and standard output (None: whatever it is) after a 200 with this body."""
    try:
        seen = json.loads(body, parse_constant=lambda word: (_ for _ in ()).throw(ValueError(word)))
    except ValueError:
        return 124, ""
    if not isinstance(seen, dict) or seen.get("id") != ID or not isinstance(seen.get("status"), str):
        return 124, ""
    if condition == "stopped":
        return (0, None) if seen["status"] == "stopped" else (124, "")
    if condition == "deleted":
        return 124, ""
    if seen["status"] == "stopped":
        return 3, ""
    ip = address(seen.get("ip")) if seen["status"] == "ready" else None
    return (0, ip + "\n") if ip else (124, "")


ODD = [None, 2, -1.5, True, {}, [], "", "x", {"a": [1]}, "\x1b[31m\n::error::x", "\u202e"]
STATUSES = ["ready"] * 14 + ["stopped"] * 3 + ["init", "pending", "provisioning", "unknown", "paused", "Ready", ""]
ADDRESSES = ["203.0.113.42"] * 12 + [
    "2001:db8::7", "2001:DB8:0:0::7", "10.0.0.1", "127.0.0.1", "169.254.1.2", "255.255.255.255", "240.0.0.1",
    "0.0.0.0", "0.1.2.3", "224.0.0.1", "ff02::1", "::", "203.0.113.4/32", "203.0.113.42:22", "gpu.example",
    "pending", "1.2.3", "203.0.113.042", "203.0.113.42\n::error::x",
]
SPOILERS = [
    lambda text: text[: len(text) // 2],
    lambda text: text + "}",
    lambda text: "[" + text + "]",
    lambda text: "<!doctype html><title>Just a moment</title>" + text,
    lambda text: "",
    lambda text: json.dumps(text),
    lambda text: text.replace(":", ": NaN, :", 1),
]


def body(seed):
    """A body and the condition it is waited with."""
    dice = random.Random(seed)
    fields = {"id": ID, "instance_type": "gpu_1x_h100_sxm5", "region": "us-west", "sector": "sector_1",
              "ip": dice.choice(ADDRESSES), "status": dice.choice(STATUSES), "creator_user_nickname": "developer"}
    for name in ("instance_type", "region", "sector", "creator_user_nickname"):
        fate = dice.random()
        if fate < 0.2:
            del fields[name]
        elif fate < 0.5:
            fields[name] = dice.choice(ODD)
    for name, part in (("ip", 0.2), ("status", 0.06), ("id", 0.06)):
        if dice.random() < part:
            fields[name] = dice.choice(ODD + [ID.upper()])
            if dice.random() < 0.3:
                del fields[name]
    if dice.random() < 0.3:
        fields["more"] = dice.choice(ODD)
    items = list(fields.items())
    dice.shuffle(items)
    text = json.dumps(dict(items), ensure_ascii=dice.random() < 0.5, indent=dice.choice([None, 2]))
    if dice.random() < 0.15:
        text = dice.choice(SPOILERS)(text)
    return text, dice.choice(["ready"] * 10 + ["stopped", "deleted"])
