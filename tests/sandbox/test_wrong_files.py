"""Files of an entry that are not what they are called are named as what they are, and good ones are left alone."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from harness.python_source import as_utf8, not_source
from harness.sandbox.outcome import EntryRun, Outcome
from harness.sandbox.wrong_files import NOTEBOOK_LINE, explained, wrong_files

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
SCRIPT = "class Model:\n    def predict(self, X):\n        return [0] * len(X)  # \u00e9\n"


def bytes_of(save, *arrays):
    buffer = io.BytesIO()
    save(buffer, *arrays)
    return buffer.getvalue()


def zip_of(name="config.json"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "{}")
    return buffer.getvalue()


NPZ = bytes_of(np.savez, np.arange(9))


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("weights.keras", POINTER, "a Git-LFS pointer"),
        ("w/net.pt", POINTER.replace(b"\n", b"\r\n"), "a Git-LFS pointer"),
        ("classes.json", POINTER, "a Git-LFS pointer"),
        ("weights.keras", b"<!DOCTYPE html><html><title>Google Drive", "a web page"),
        ("net.pkl", b"\n\n<html>", "a web page"),
        ("net.onnx", b'<?xml version="1.0"?><Error><Code>AccessDenied', "an XML file"),
        ("net.npz", b"404: Not Found", "a text, '404: Not Found'"),
        ("net.h5", b'{"error": "rate limited"}', "a text"),
        ("weights.keras", b"", "empty"),
        ("net.safetensors", b"", "empty"),
        ("net.npy", bytes(5000), "nothing but zeros"),
        ("net.npz", NPZ[:-30], "cut short"),
        ("weights.keras", b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file"),
        ("weights.h5", zip_of(), "a zip"),
        ("model.py", b'{\n "cells": [],\n "nbformat": 4}', "a Jupyter notebook"),
        ("model.py", b'{"nbformat":4,"nbformat_minor":0,"cells":[' + b"1," * 400_000, "a Jupyter notebook"),
        ("tools.py", b'{"metadata": {}, "nbformat": 3, "worksheets": []}', "a Jupyter notebook"),
        ("model.py", b"\n<!doctype html>", "a web page"),
        ("model.py", POINTER, "a Git-LFS pointer"),
        ("model.py", b"{\\rtf1\\ansi class Model", "a word processor's text (RTF)"),
        ("model.py", b" \n", "empty"),
        ("model.py", SCRIPT.encode("utf-16"), "a text in UTF-16"),
        ("model.py", SCRIPT.encode("utf-16-le"), "a text in UTF-16-LE"),
        ("model.py", SCRIPT.encode("utf-16-be"), "a text in UTF-16-BE"),
        ("model.py", SCRIPT.encode("utf-32"), "a text in UTF-32"),
        ("model.py", SCRIPT.encode("cp1252"), "a text in Windows-1252"),
    ],
)
def test_a_file_is_named_as_what_it_is(name, content, what, tmp_path):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    (found,) = wrong_files(tmp_path)
    assert found.name == name
    assert found.what.startswith(what) and found.way
    if found.encoding:
        assert as_utf8(content, found.encoding).decode() == SCRIPT


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.py", SCRIPT.encode()),
        ("model.py", SCRIPT.encode("utf-8-sig")),
        ("model.py", b"# -*- coding: latin-1 -*-\n" + SCRIPT.encode("latin-1")),
        ("model.py", b"x = '" + "\u00e9".encode() * 400_000 + b"'"),
        ("tools/__init__.py", b""),
        ("net.npz", NPZ),
        ("net.npz", bytes_of(np.save, np.zeros(9))),
        ("net.npy", bytes_of(np.save, np.zeros(9000))),
        ("net.pkl", pickle.dumps([1, 2], protocol=0)),
        ("net.pt", zip_of()),
        ("net.bin", bytes(100) + b"\1"),
        ("weights.keras", zip_of()),
        ("notes.txt", b""),
        ("classes.json", b'["a"]'),
    ],
)
def test_a_good_file_is_left_alone(name, content, tmp_path):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    assert wrong_files(tmp_path) == ()


def run(outcome, message, code="exception", log=""):
    return EntryRun(outcome, code, message=message, hint="old", log=log)


def test_a_failure_is_explained_by_the_file_that_it_names_or_that_alone_can_be_meant(tmp_path):
    (tmp_path / "weights.keras").write_bytes(POINTER)
    (tmp_path / "other.npz").write_bytes(b"")
    wrong = wrong_files(tmp_path)
    failed = explained(run(Outcome.LOAD_FAILED, "ValueError: File not found: filepath=weights.keras."), wrong)
    assert failed.hint == "weights.keras is a Git-LFS pointer. Fetch the file itself: git lfs pull"
    assert explained(run(Outcome.LOAD_FAILED, "EOFError: No data left in file"), wrong).hint.startswith("other.npz")
    for other in (
        run(Outcome.IMPORT_FAILED, "NameError: name 'x' is not defined"),
        run(Outcome.IMPORT_FAILED, "No module named 'torch'", "module_missing"),
        run(Outcome.PREDICT_FAILED, "weights.keras"),
    ):
        assert explained(other, wrong) == other


@pytest.mark.parametrize(
    ("message", "code", "log"),
    [
        ("NameError: name 'get_ipython' is not defined", "exception", ""),
        ("NameError: name 'display' is not defined", "exception", ""),
        ("ModuleNotFoundError: No module named 'google.colab'", "module_missing", ""),
        (
            "SyntaxError: invalid syntax (model.py, line 1)",
            "syntax_error",
            "    %matplotlib inline\n    ^\nSyntaxError",
        ),
        (
            "SyntaxError: invalid syntax (model.py, line 1)",
            "syntax_error",
            "    !pip install torch\n    ^\nSyntaxError",
        ),
    ],
)
def test_a_line_of_a_notebook_is_called_so(message, code, log):
    assert explained(run(Outcome.IMPORT_FAILED, message, code, log), ()).hint == NOTEBOOK_LINE


def test_other_errors_of_syntax_are_not_of_a_notebook():
    log = "    x = y %\n    ^\nSyntaxError: invalid syntax"
    assert explained(run(Outcome.IMPORT_FAILED, "SyntaxError: invalid syntax", "syntax_error", log), ()).hint == "old"


def test_a_byte_more_or_less_of_text_is_no_other_encoding():
    assert not_source(b"x") is None
    assert not_source(b"# \0") is None
