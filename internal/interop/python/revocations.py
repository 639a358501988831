import hashlib
import json
import os
import time
import urllib.request
from base64 import urlsafe_b64decode

import jwt

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]


class Keys(jwt.PyJWKClient):
    """The JWK Set, which is fetched at most once a second, whatever kids callers invent."""

    fetched = float("-inf")

    def fetch_data(self):
        if time.monotonic() - self.fetched < 1:
            raise jwt.PyJWKClientError("unknown kid")
        self.fetched = time.monotonic()
        return super().fetch_data()


keys = Keys(ISSUER + "/.well-known/jwks.json", lifespan=300)
moments = {}  # of each entry: the latest moment, in microseconds
state = {"position": None, "next": 1, "as_of": float("-inf")}


def decode(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def moment(kind, *texts):
    return moments.get(hashlib.sha256(bytes([kind]) + "\0".join(texts).encode()).digest()[:8], 0)


def merge(answer, sent):
    """Add the entries of an answer to a request that was sent at that time."""
    for segment in answer["segments"]:
        head, entries = segment["head"], decode(segment["entries"])
        key = keys.get_signing_key_from_jwt(head)
        signed = jwt.api_jws.decode_complete(head, key.key, algorithms=["EdDSA", "ES256", "RS256"])
        h, total = json.loads(signed["payload"]), hashlib.sha256(entries).digest()
        if (
            signed["header"].get("typ") != "revocations+jwt" or h["iss"] != ISSUER or decode(h["sum"]) != total
            or moment(3, key.key_id) or not (h["full"] or h["from"] <= state["next"])
        ):
            raise jwt.InvalidTokenError("the feed is not valid")
        for i in range(0, len(entries), 16):
            entry, when = entries[i : i + 8], int.from_bytes(entries[i + 8 : i + 16], "big")
            moments[entry] = max(when, moments.get(entry, 0))
        for entry in [e for e, when in moments.items() if when / 1000 < h["at"] - h["keep"] * 1000]:
            del moments[entry]
        state.update(position=f"{h['to']}-{h['mark']}", next=h["to"] + 1)
        if h["at"] / 1000 > time.time() - 35:  # not an old answer again
            state["as_of"] = min(sent + (answer["held_ms"] - answer["age_ms"]) / 1000, time.monotonic())


def follow():
    """Poll the feed. Call it in a thread of its own."""
    while True:
        sent, query = time.monotonic(), f"?after={state['position']}&wait=2s" if state["position"] else ""
        try:
            with urllib.request.urlopen(ISSUER + "/revocations" + query, timeout=5) as response:
                answer = json.load(response)
            merge(answer, sent)
            time.sleep(answer.get("delay_ms", 0) / 1000)
        except Exception:
            time.sleep(0.5)


def verify(token):
    """Return the claims of an access token that is valid and not revoked."""
    options = {"require": ["exp", "iat", "jti", "sub", "client_id"]}
    key = keys.get_signing_key_from_jwt(token)
    if jwt.get_unverified_header(token).get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("not an access token")
    p = jwt.decode(token, key.key, algorithms=["ES256"], issuer=ISSUER, audience=AUDIENCE, options=options)
    if time.monotonic() - state["as_of"] > 5:
        raise jwt.PyJWTError("the feed of revocations is stale")
    jti = decode(p["jti"])  # a UUID of version 7, with microseconds
    minted = int.from_bytes(jti[:6], "big") * 1000 - (-(int.from_bytes(jti[6:8], "big") & 0xFFF) * 1000 // 4096)
    if abs(minted / 1e6 - p["iat"]) > 60:  # of a server of an earlier version
        minted = p["iat"] * 10**6
    sid, audience = p.get("sid"), [p["aud"]] if isinstance(p["aud"], str) else p["aud"]
    spared = moment(8, sid) if sid else 0
    subject = [m for m in (moment(4, p["sub"]), moment(5, p["sub"], p["client_id"])) if m > spared]
    before = max(moment(6, p["client_id"]), moment(9, p["iss"]), *(moment(7, a) for a in audience), *subject)
    if (sid and moment(1, sid)) or moment(2, p["jti"]) or moment(3, key.key_id) or minted < before:
        raise jwt.InvalidTokenError("revoked")
    return p
