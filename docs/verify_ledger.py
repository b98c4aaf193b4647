"""Check an exported ledger, and a digest of it, without the program that wrote them (see ledger-format.md):
python verify_ledger.py LEDGER [DIGEST [PUBLIC_KEY]]. Exit status 1 if anything is wrong."""

import hashlib
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from uuid import UUID

SIGNS = {"added": 1, "captured": 1, "returned": 1, "applied": -1, "voided": -1}
REVERSES = {"voided": ("added", "captured"), "returned": ("applied",)}
wrong = []


def require(right, who, sentence):
    if not right:
        wrong.append(f"{who}: {sentence}")


def entry_hash(shop_id, e):
    fields = [b"account-credit/entry/1", UUID(shop_id).bytes, UUID(e["client_id"]).bytes]
    names = "number id kind amount balance_after reason note_digest by_kind by_id by_name_digest at"
    for name in [*names.split(), "invoice_id", "payment_id", "reverses_number", "previous_hash"]:
        if e[name] is None:
            fields.append(None)
        elif name in {"id", "by_id", "invoice_id", "payment_id"}:
            fields.append(UUID(e[name]).bytes)
        else:
            fields.append(bytes.fromhex(e[name]) if name.endswith(("digest", "hash")) else str(e[name]).encode())
    prefixed = [b"\xff\xff\xff\xff" if f is None else len(f).to_bytes(4, "big") + f for f in fields]
    return hashlib.sha256(b"".join(prefixed)).hexdigest()


def check_account(shop_id, account, entries, head):
    last = {"number": 0, "balance_after": 0, "at": -(2**63), "hash": None}
    before, reversed_before = {}, set()
    for e in entries:
        who, of = f"client {e['client_id']}, entry {e['number']}", before.get(e["reverses_number"])
        require(e["client_id"] == account["client_id"], who, "stands under another account")
        require(e["number"] == last["number"] + 1, who, f"follows entry {last['number']}")
        require(e["balance_after"] == last["balance_after"] + e["amount"] >= 0, who, "its balance is not the sum")
        require(e["amount"] * SIGNS.get(e["kind"], 0) > 0, who, "its amount does not fit its kind")
        require(e["at"] >= last["at"], who, "is earlier than the one before")
        require(e["previous_hash"] == last["hash"], who, "does not carry the hash of the one before")
        require(e["hash"] == entry_hash(shop_id, e), who, "does not have the hash of its content")
        for name in ("note", "by_name"):
            text, salt = e[name], bytes.fromhex(e[f"{name}_salt"] or "")
            written = hashlib.sha256(salt + (text or "").encode()).hexdigest() == e[f"{name}_digest"]
            erased = not salt and text in {None, "(erased)"}  # or never there: nothing proves a text without its salt
            require(written if salt else erased, who, f"its {name} is not what was written")
        if e["kind"] in REVERSES or e["reverses_number"] is not None:
            fits = of and of["kind"] in REVERSES.get(e["kind"], ()) and of["amount"] == -e["amount"]
            same = of and all(of[name] == e[name] for name in ("invoice_id", "payment_id"))
            once = e["reverses_number"] not in reversed_before
            require(fits and same and once, who, "is not the one opposite of an entry before it")
        reversed_before.add(e["reverses_number"])
        last = before[e["number"]] = e
    who, stands = f"client {account['client_id']}", (account["last_number"], account["balance"], account["last_hash"])
    require(stands == (last["number"], last["balance_after"], last["hash"]), who, "ends elsewhere")
    if head and head["number"]:
        there = before.get(head["number"], {}).get("hash")
        require(there == head["hash"], who, f"entry {head['number']} is not the one of the digest")


def read_digest(shop_id, path, key_path=None):
    *lines, last = Path(path).open("rb")
    digest, seal, found, shop = hashlib.sha256(b"".join(lines)), json.loads(last), {}, None
    require(seal["sha256"] == digest.hexdigest(), path, "was changed")
    if key_path and find_spec("cryptography"):
        from cryptography.hazmat.primitives.serialization import load_pem_public_key as load

        signature, signed = bytes.fromhex(seal["signature"]), b"account-credit/digest/1\n" + digest.digest()
        load(Path(key_path).read_bytes()).verify(signature, signed)  # raises InvalidSignature
    else:
        print("NOT CHECKED: who signed the digest. That takes PUBLIC_KEY and the package cryptography.")
    for line in map(json.loads, lines):
        shop = line.get("id", shop)
        found |= {line["client_id"]: line} if line["line"] == "head" and shop == shop_id else {}
    return found


lines = map(json.loads, Path(sys.argv[1]).open("rb"))
opening = next(lines)
heads = read_digest(opening["shop_id"], *sys.argv[2:]) if sys.argv[2:] else {}
account, entries, total = {}, [], {"account": 0, "entry": 0, "end": 0}
for line in lines:
    total[line["line"]] += 1
    if line["line"] == "entry":
        entries.append(line)
        continue
    if account or entries:
        check_account(opening["shop_id"], account, entries, heads.pop(account["client_id"], None))
    account, entries = line, []
end = {"line": "end", "accounts": total["account"], "entries": total["entry"]}
require(opening["version"] == 1 and account == end and not entries, sys.argv[1], "its end is missing or does not fit")
for client_id in heads:
    require(opening["client_id"], f"client {client_id}", "has a head in the digest, and is gone")
print("\n".join([*wrong, f"{total['entry']} entries of {total['account']} accounts, {len(wrong)} things wrong"]))
sys.exit(bool(wrong))
