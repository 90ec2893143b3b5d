"""The WSGI application gunicorn serves."""

import gc
import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# A thread that waits for the store's answer gets the interpreter back within a millisecond from one
# that decodes a batch; by default it is five, at every step of every commit.
sys.setswitchinterval(0.001)
# What is loaded by now stays; a request makes thousands of objects, hardly ever a cycle.
gc.freeze()
gc.set_threshold(20_000, 10, 10)
