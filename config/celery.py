"""The Celery application; its settings are the CELERY_ ones of config/settings.py."""

import os

from celery import Celery, Task

from metering.actor import acting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class ActingTask(Task[..., object]):
    """A task acts under its own name, in the worker and wherever it is called directly."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        with acting(f"task {self.name.rpartition('.')[2]}"):
            return super().__call__(*args, **kwargs)


app = Celery("daybook", task_cls=ActingTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
