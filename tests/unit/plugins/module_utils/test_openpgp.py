# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key that a file would make somebody trust is seen. GnuPG 2.2 made the keys and named their fingerprints."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._openpgp import fingerprints

ED25519 = """-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawKoJRYJKwYBBAHaRw8BAQdA/AQEzvhglXweJY8mCI7xZ791QfULfHm8WHEd
C/9X8AW0A29uZYiQBBMWCAA4FiEE7/9AJB3qo8RTZ5+oM55l/hLKHJkFAmsCqCUC
GwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQM55l/hLKHJnDSgEA+oZgQUrH
GuAHQGm+dAWL0MLPIq1/ViGFvrFnbbY1jlcBAM558L9+0IwTE5HWSlGAlky/WSAU
8tWmTuYoJwWKhXgG
=a1hb
-----END PGP PUBLIC KEY BLOCK-----
"""
ED25519_FINGERPRINT = "EFFF40241DEAA3C453679FA8339E65FE12CA1C99"

# with a subkey, whose fingerprint is none of those that have to be vouched for
RSA = """-----BEGIN PGP PUBLIC KEY BLOCK-----

mQENBGsCqCUBCADjMoUyOCMXEaMJ20M7CJrQysnN+kKeQ4FvvEs4J8CKIUUmVp8x
ZDffozO6tAt0Qqi/7oS5SgY+L5/vnraCLRNT2dapAsQKGjls6hCbt6c6G40zclup
F47V28puL+Ha4uHsGnLURQdXnYE5Y3cV0jUObstuqAtXIrzjtM580JKPQajih0EH
b5tGc3Tw1oUcnLHUSm18X2fvIv8F2O//n/ikQJWKhyST5wuUejCCq1LgxqHYYMb0
VCdJj9R3dnXKeHpdGYwdZiYfZkqnGrUnmSfu0o0o8k4KGUlzdfeBRBeTgQnoq4mb
3jFZc7l48t4lDLsfaom3p7IMcOuGDsYH7atvABEBAAG0A3R3b4kBTgQTAQoAOBYh
BOAs29cY83WzRkrDgTVihScldhDJBQJrAqglAhsDBQsJCAcCBhUKCQgLAgQWAgMB
Ah4BAheAAAoJEDVihScldhDJH7UH/iFHghJEewOL+PwRvR4OkMps7wAiBh9bT19s
DKEgiCaqOcmKfOAY/Ap4WJvU0gzb4sl1Xnrih16fl+8sjRxB3XlNZmIHXaLFMZ9x
/QGIJEGGKW/FwOMGE3gGYDSHb7RhlMN4LBrrk3EaXaY8/yVUf44TZSJbXN/3u6li
SXqjXhy4laedguEnikUpSDzC2UHrVmGstQWyGa8CWWX0shEJ3Ggz3vcXM4Rup1Iz
3byTw5mXsglsbdMmmA8AONEPl/SL3nprCIF+Lzh0+BXNbcn1gUry9K+AXCmYIWhx
0y+wpMscWiH8PnJI4oLGL/DE/sMIFK0xNwiux0MZk8ToayDeRiq5AQ0EawKoJQEI
AOulkJAbYxzIb5JucGV52zFi8SnAaffAAVFm/FHQMt2Ssu3oScEIEFCV5eWhS4st
N99ja/ewPKYInLE+VQ4fhIy+qGa5m/QI4BMmFV2GjeuwyhTlhfk1DJ6wXPLcNcNd
vXoaWEyqqny9dIBM6ozQwc0wSGITKZ58W7ZY4ZPMhr2KIY5ZuBo2stK4BbS2DkZB
kZ8aV7JHmC0/RQCBh+YrZKzqDj+3yyquhN4w+ZIH2k1IPUOf0cjy71asLAMAKIIw
ATSE0JqT3vFIrx6VoXOb8re+IYSL9Z1Yhrm7RxjnclnAZtMo5lvHXtTEx4eJfgc0
XaS+Cp68YGjnXLgf6J6yYKkAEQEAAYkBNgQYAQoAIBYhBOAs29cY83WzRkrDgTVi
hScldhDJBQJrAqglAhsMAAoJEDVihScldhDJ7R4H+gKnD79uGg0PsFn5JYmArSiw
Wojzp96fim/LGFs2UVHajidkDfnUywtsiLWW64hK87ukswOzO/22ZhqanDtwfsGf
juZSc03D3UiHYG+P7ygBIRk79qR/9ee00dnS6BPtEMagZgE5R8ppHyV72fA6CYxR
1NAdq6zop3L1g0DA9F/PSN6q9N/DbOtFkaCIugtLBTrYbF74sl5SJAhnoqzw5IPt
XTdIvFmBsvxoeE02msF45EKOpgtbU5C9G2dPVxr9qUg8BRmIUJ4/ck8c7oVmTNYY
vcEaVkil+TT7w8y4IyONvFEJ60hB/HWwKuKPWQTiwuKqIFgHpf+K6PwJ72R8NBU=
=VZbu
-----END PGP PUBLIC KEY BLOCK-----
"""
RSA_FINGERPRINT = "E02CDBD718F375B3464AC38135628527257610C9"


def test_one_key() -> None:
    assert fingerprints(ED25519) == [ED25519_FINGERPRINT]
    assert fingerprints(RSA) == [RSA_FINGERPRINT]


def test_a_second_key_is_seen_in_a_block_of_its_own_and_in_the_same_one() -> None:
    both = [ED25519_FINGERPRINT, RSA_FINGERPRINT]
    assert fingerprints("a comment\n" + ED25519 + "\n" + RSA) == both
    assert fingerprints(joined(ED25519, RSA)) == both


def joined(*blocks: str) -> str:
    """One block with the packets of several."""
    data = b"".join(base64.b64decode("".join(block.splitlines()[2:-2])) for block in blocks)
    return "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n%s\n-----END PGP PUBLIC KEY BLOCK-----\n" % (
        base64.b64encode(data).decode()
    )


def test_windows_line_ends_and_headers_are_no_part_of_it() -> None:
    lines = ED25519.splitlines()
    assert fingerprints("\r\n".join([lines[0], "Comment: mirror of the lab", *lines[1:]])) == [ED25519_FINGERPRINT]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a key",
        ED25519[:-40],  # no end
        ED25519.replace("mDMEawKo", "mDMEawK!"),
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n-----END PGP PUBLIC KEY BLOCK-----\n",  # cut off
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n",  # no packet
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(IdentityError, match="is no OpenPGP public key in ASCII armor"):
        fingerprints(text)


@pytest.mark.parametrize(("tag", "says"), [(0xC5, "holds a private key"), (0xC6, "of a version other than 4")])
def test_private_and_other_keys_are_refused(tag: int, says: str) -> None:
    packet = base64.b64encode(bytes([tag, 3, 5, 0, 0])).decode()
    with pytest.raises(IdentityError, match=says):
        fingerprints("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n%s\n-----END PGP PUBLIC KEY BLOCK-----\n" % packet)


def outcome(text: str) -> list[str] | str:
    try:
        return fingerprints(text)
    except IdentityError as error:
        return str(error)


@given(st.binary(max_size=64))
def test_any_bytes_have_keys_or_are_refused_in_a_sentence(data: bytes) -> None:
    block = base64.b64encode(data).decode()
    found = outcome("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n%s\n-----END PGP PUBLIC KEY BLOCK-----\n" % block)
    assert found
    assert isinstance(found, list) or found.startswith("the file ")
