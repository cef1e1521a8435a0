"""What Piccolo's commands need to know of us."""

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

APP_CONFIG = AppConfig(
    app_name="audiotext",
    migrations_folder_path=str(Path(__file__).parents[2] / "piccolo_migrations"),
    table_classes=table_finder(modules=["webapp.core.tables"], exclude_imported=True),
    migration_dependencies=[],
    commands=[],
)
