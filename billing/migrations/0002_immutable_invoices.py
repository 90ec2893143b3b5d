"""Triggers that keep a finalized invoice and its lines as they are, whoever connects.

A status may still go on (paid, void, uncollectible); everything else of the row is content. SQLite
drops a table's triggers when a migration rebuilds the table: such a migration runs `remove` before
and `install` after. A column that comes later stands in CONTENT too, and is frozen from then on.
"""

from django.db import migrations

CONTENT = (
    "id", "tenant_id", "month", "reason", "kind", "number", "currency", "period_start",
    "period_end", "tax_percent", "subtotal", "tax", "total", "watermark", "finalized_at",
    "snapshot", "unpriced", "not_charged", "parties", "credits_applied",
)  # fmt: skip
# Nothing follows paid or void but themselves; nothing ever goes back to draft.
BAD_STATUS = (
    "NOT (NEW.status = OLD.status"
    " OR OLD.status = 'finalized' AND NEW.status IN ('paid', 'void', 'uncollectible')"
    " OR OLD.status = 'uncollectible' AND NEW.status IN ('paid', 'void'))"
)
ROW_MESSAGE = "a finalized invoice never changes"
LINE_MESSAGE = "the lines of a finalized invoice never change"
TABLE, LINES = "billing_invoice", "billing_invoiceline"


def frozen(row):
    """Whether the invoice of a line is finalized."""
    return (
        f"EXISTS (SELECT 1 FROM {TABLE}"
        f" WHERE id = {row}.invoice_id AND status <> 'draft')"
    )


# The condition of the first one is made of the columns that there are.
RULES = (
    ("invoice_update", "UPDATE", TABLE, ""),
    ("invoice_delete", "DELETE", TABLE, "OLD.status <> 'draft'"),
    ("line_insert", "INSERT", LINES, frozen("NEW")),
    ("line_update", "UPDATE", LINES, f"{frozen('OLD')} OR {frozen('NEW')}"),
    ("line_delete", "DELETE", LINES, frozen("OLD")),
)


def changed(connection):
    """Whether a finalized invoice would no longer be what it was."""
    with connection.cursor() as cursor:
        there = {c.name for c in connection.introspection.get_table_description(cursor, TABLE)}
    content = [name for name in CONTENT if name in there]
    different = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in content)
    return f"OLD.status <> 'draft' AND ({different} OR {BAD_STATUS})"


def sqlite_rule(name, event, table, condition):
    message = LINE_MESSAGE if table == LINES else ROW_MESSAGE
    # Before 3.39 SQLite writes IS NOT for IS DISTINCT FROM, and still understands it.
    condition = condition.replace("IS DISTINCT FROM", "IS NOT")
    return [
        f"CREATE TRIGGER billing_{name} BEFORE {event} ON {table} FOR EACH ROW"
        f" WHEN {condition} BEGIN SELECT RAISE(ABORT, '{message}'); END"
    ]


def postgres_rule(name, event, table, condition):
    message = LINE_MESSAGE if table == LINES else ROW_MESSAGE
    row = "OLD" if event == "DELETE" else "NEW"
    return [
        f"CREATE FUNCTION billing_{name}() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN IF {condition} THEN"
        f" RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation';"
        f" END IF; RETURN {row}; END $$",
        f"CREATE TRIGGER billing_{name} BEFORE {event} ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION billing_{name}()",
    ]


def install(apps, schema_editor):
    rule = postgres_rule if schema_editor.connection.vendor == "postgresql" else sqlite_rule
    for name, event, table, condition in RULES:
        condition = condition or changed(schema_editor.connection)
        for statement in rule(name, event, table, condition):
            schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    postgres = schema_editor.connection.vendor == "postgresql"
    for name, _, table, _ in RULES:
        on = f" ON {table}" if postgres else ""
        schema_editor.execute(f"DROP TRIGGER billing_{name}{on}", params=None)
        if postgres:
            schema_editor.execute(f"DROP FUNCTION billing_{name}()", params=None)


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [migrations.RunPython(install, remove)]
