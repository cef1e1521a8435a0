"""Piccolo's configuration: which database, and whose tables."""

from piccolo.conf.apps import AppRegistry

from webapp.core.database import Database
from webapp.core.settings import get_settings

DB = Database(get_settings())

APP_REGISTRY = AppRegistry(apps=["webapp.core.piccolo_app"])
