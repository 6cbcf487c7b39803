"""The browser that the stories drive."""

import shutil

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
