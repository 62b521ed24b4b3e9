"""Unit tests cannot reach a network, even by mistake."""

import socket

import pytest
from pytest_socket import SocketBlockedError


def test_internet_socket_is_refused() -> None:
    with pytest.raises(SocketBlockedError), pytest.warns(UserWarning, match="socket"):
        socket.socket(socket.AF_INET)
