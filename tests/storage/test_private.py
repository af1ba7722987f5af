"""Which folders other users can write to, and what is closed to them."""

import grp
import os
import pwd
import stat

import pytest

from gmcore.errors import OutputError
from gmcore.storage.private import close_to_others, is_own, is_safe_way, private_folder, user_key

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("mode", "safe"), [(0o700, True), (0o755, True), (0o777, False), (0o702, False), (0o1777, True)], ids=oct
)
def test_a_folder_that_others_can_write_to_is_safe_only_if_it_is_sticky(mode, safe, tmp_path):
    tmp_path.chmod(mode)
    assert is_safe_way(tmp_path) is safe


@pytest.fixture
def of_group(tmp_path, monkeypatch):
    """Return a folder that its group can write to, after naming this user's group and those of all users."""
    tmp_path.chmod(0o770)
    if os.geteuid() == 0:
        os.chown(tmp_path, -1, 4321)
    group = tmp_path.stat().st_gid

    def make(*, is_first=True, listed=(), first_of_another=False):
        me = pwd.struct_passwd(("me", "x", os.geteuid(), group if is_first else group + 1, "", "/", "/bin/sh"))
        other = pwd.struct_passwd(("other", "x", 9999, group if first_of_another else 9999, "", "/", "/bin/sh"))
        monkeypatch.setattr(pwd, "getpwuid", lambda _: me)
        monkeypatch.setattr(pwd, "getpwall", lambda: [me, other])
        monkeypatch.setattr(grp, "getgrgid", lambda number: grp.struct_group(("us", "x", number, list(listed))))
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("group", "safe"),
    [
        ({}, True),
        ({"listed": ("me",)}, True),
        ({"listed": ("me", "other")}, False),
        ({"first_of_another": True}, False),
        ({"is_first": False}, False),
    ],
    ids=str,
)
def test_a_folder_that_a_group_can_write_to_is_safe_only_if_the_user_is_alone_in_it(group, safe, of_group):
    assert is_safe_way(of_group(**group)) is safe


@only_root
def test_a_folder_that_the_group_of_root_can_write_to_is_not_safe(of_group):
    folder = of_group()
    os.chown(folder, -1, 0)
    assert not is_safe_way(folder)


def test_the_group_of_a_user_who_is_unknown_is_not_safe(of_group, monkeypatch):
    def unknown(_):
        raise KeyError

    folder = of_group()
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert not is_safe_way(folder)


@only_root
def test_a_folder_of_another_user_is_neither_safe_nor_own(tmp_path):
    os.chown(tmp_path, 65533, -1)
    assert not is_safe_way(tmp_path)
    assert not is_own(tmp_path)


@only_root
def test_a_link_of_another_user_to_an_own_folder_is_not_own(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert is_own(tmp_path / "link")
    os.chown(tmp_path / "link", 65533, -1, follow_symlinks=False)
    assert not is_own(tmp_path / "link")


def test_a_private_folder_and_the_parents_made_for_it_are_closed(tmp_path):
    before = os.umask(0)
    try:
        folder = private_folder(tmp_path / "a" / "b", "kept")
    finally:
        os.umask(before)
    assert folder == tmp_path / "a" / "b" / "kept"
    assert {mode_of(one) for one in (folder, folder.parent, folder.parent.parent)} == {0o700}
    folder.chmod(0o755)
    assert mode_of(private_folder(tmp_path / "a" / "b", "kept")) == 0o700


@only_root
def test_a_private_folder_whose_name_another_user_has_gets_the_number_of_this_one(tmp_path):
    os.chown(private_folder(tmp_path, "kept"), 65533, -1)
    numbered = private_folder(tmp_path, "kept")
    assert numbered == tmp_path / f"kept-{os.geteuid()}"
    os.chown(numbered, 65533, -1)
    with pytest.raises(OutputError, match=r"cannot write to .*/kept: .*/kept belongs to another user"):
        private_folder(tmp_path, "kept")


def test_all_within_a_folder_is_closed_but_not_what_links_lead_to(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("")
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file").write_text("")
    (folder / "link").symlink_to(outside)
    for path in (outside, folder, folder / "inner", folder / "inner" / "file"):
        path.chmod(0o755)
    close_to_others(folder)
    assert [mode_of(path) for path in (folder, folder / "inner", folder / "inner" / "file")] == [0o700, 0o700, 0o600]
    assert mode_of(outside) == 0o755


@pytest.mark.parametrize("damage", ["open", "short", "long", "link", "folder"])
def test_a_key_that_is_not_this_users_alone_is_replaced(damage, tmp_path):
    key = user_key(tmp_path)
    assert user_key(tmp_path) == key
    path = tmp_path / "key"
    if damage == "open":
        path.chmod(0o640)
    elif damage in ("short", "long"):
        path.write_bytes(key[:-1] if damage == "short" else key + b"x")
    else:
        path.rename(tmp_path / "elsewhere")
        path.symlink_to("elsewhere") if damage == "link" else path.mkdir()
    if damage == "folder":
        with pytest.raises(OutputError, match="cannot write"):
            user_key(tmp_path)
        return
    fresh = user_key(tmp_path)
    assert len(fresh) == 32
    assert fresh != key
    assert user_key(tmp_path) == fresh
    assert mode_of(path) == 0o600
    assert not path.is_symlink()
