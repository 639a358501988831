"""Prints users for `signet users import`, whose password hashes passlib, Django and OpenSSL make."""

import json
import subprocess
import sys

from django.conf import settings
from django.contrib.auth.hashers import make_password
from passlib import hash as passlib

settings.configure(PASSWORD_HASHERS=[
    "django.contrib.auth.hashers." + name + "PasswordHasher" for name in ("PBKDF2", "PBKDF2SHA1", "Scrypt")
])
password = sys.argv[1]
hashes = {name: getattr(passlib, name).hash(password) for name in (
    "pbkdf2_sha1", "pbkdf2_sha256", "pbkdf2_sha512", "sha256_crypt", "sha512_crypt", "phpass",
    "ldap_salted_sha1", "ldap_salted_sha256", "ldap_salted_sha512",
)}
for name in ("pbkdf2_sha256", "pbkdf2_sha1", "scrypt"):
    hashes["django_" + name] = make_password(password, hasher=name)
for option in ("-5", "-6"):
    command = ["openssl", "passwd", option, "-stdin"]
    made = subprocess.run(command, input=password, capture_output=True, text=True, check=True)
    hashes["openssl" + option] = made.stdout.strip()
for name, made in hashes.items():
    print(json.dumps({"username": name, "password_hash": made}))
