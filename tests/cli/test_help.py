import dataclasses
import json
import subprocess
import sys

import pytest
from conftest_cli import invoke  # noqa: F401
