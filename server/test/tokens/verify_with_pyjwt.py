"""Verifies access tokens as a Python API would: keys from the JWKS address, or from a copy of it that was kept."""

import json
import sys

import jwt

asked = json.load(sys.stdin)
client = jwt.PyJWKClient(asked["jwks_url"])
kept = {key.key_id: key for key in jwt.PyJWKSet.from_dict(asked["jwks"]).keys}


def verdict(token, key):
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=["ES256", "RS256", "EdDSA"],
            audience=asked["audience"],
            issuer=asked["issuer"],
            # The server's clock is moved by the test, this one is not.
            leeway=asked["leeway_seconds"],
            options={"require": ["exp", "iat", "aud", "iss", "sub", "jti", "client_id"]},
        )
        return claims["jti"]
    except jwt.PyJWTError as error:
        return type(error).__name__


def by_address(token):
    try:
        return verdict(token, client.get_signing_key_from_jwt(token).key)
    except jwt.PyJWTError as error:
        return type(error).__name__


def by_copy(token):
    key = kept.get(jwt.get_unverified_header(token)["kid"])
    return "unknown kid" if key is None else verdict(token, key.key)


print(json.dumps([{"by_address": by_address(token), "by_copy": by_copy(token)} for token in asked["tokens"]]))
