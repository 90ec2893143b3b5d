"""Revisions of the price catalogue, which nobody changes: invoices are proved by them."""

from django.db import migrations, models

TABLE = "billing_cataloguerevision"
MESSAGE = "a revision of the price catalogue never changes"


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        statements = [
            "CREATE FUNCTION billing_catalogue_update() RETURNS trigger LANGUAGE plpgsql AS $$"
            f" BEGIN RAISE EXCEPTION '{MESSAGE}'"
            " USING ERRCODE = 'integrity_constraint_violation'; END $$",
            f"CREATE TRIGGER billing_catalogue_update BEFORE UPDATE ON {TABLE}"
            " FOR EACH ROW EXECUTE FUNCTION billing_catalogue_update()",
        ]
    else:
        statements = [
            f"CREATE TRIGGER billing_catalogue_update BEFORE UPDATE ON {TABLE} FOR EACH ROW"
            f" BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        ]
    for statement in statements:
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    postgres = schema_editor.connection.vendor == "postgresql"
    on = f" ON {TABLE}" if postgres else ""
    schema_editor.execute(f"DROP TRIGGER billing_catalogue_update{on}", params=None)
    if postgres:
        schema_editor.execute("DROP FUNCTION billing_catalogue_update()", params=None)


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_immutable_invoices")]

    operations = [
        migrations.CreateModel(
            name="CatalogueRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField(unique=True)),
                ("source", models.CharField(max_length=100)),
                ("seeded_at", models.DateTimeField(auto_now_add=True)),
                ("document", models.TextField()),
            ],
            options={"ordering": ("-number",)},
        ),
        migrations.RunPython(install, remove),
    ]
