"""Each connection comes from another address of this machine.

A server bears so many bad credentials only from one address, and then refuses all of them with
429. Here every operation is called without a credential and with a bad one, on purpose.
"""

import itertools

import urllib3.util.connection

_numbers = itertools.count()
_connect = urllib3.util.connection.create_connection


def _connect_from_elsewhere(address, timeout=None, source_address=None, socket_options=None):
    number = next(_numbers)
    source = f"127.{1 + number // 62500 % 250}.{1 + number // 250 % 250}.{1 + number % 250}"
    return _connect(address, timeout, (source, 0), socket_options)


urllib3.util.connection.create_connection = _connect_from_elsewhere
