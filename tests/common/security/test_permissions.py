"""What a role and a key may do."""

import pytest

from archivist_common.security.permissions import GRANTABLE, OF_ROLE, Permission, of_key
from archivist_common.states import Role


@pytest.mark.parametrize("role", list(Role))
def test_no_key_ever_has_more_than_its_owner_nor_the_account(role):
    held = of_key([permission.value for permission in Permission] + ["nonsense"], role)
    assert held == OF_ROLE[role] & GRANTABLE
    assert Permission.ACCOUNT not in held
