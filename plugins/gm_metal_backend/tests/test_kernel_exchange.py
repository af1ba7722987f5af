"""The exchange of kernels between a process's folder and those that are kept."""

from gm_metal_backend.kernel_folder import _Exchange

from gmcore.storage.sealed_folder import SealedFolder


def test_a_kernel_that_was_kept_after_the_last_exchange_is_found_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder, kept = tmp_path / "own", SealedFolder.in_cache("kernels", limit=1 << 20)
    folder.mkdir(mode=0o700)
    exchange = _Exchange(folder=folder, kept=kept)
    exchange.take()
    kept.put(f"{exchange.machine}name.so", b"a kernel")
    exchange.take()
    assert (folder / "name.so").read_bytes() == b"a kernel"
