"""Of a line in FOCUS: what was consumed, by whom, which SKU it is, and our own columns."""

import json

from billing.exports.csv_writer import Cell, Pointed
from billing.exports.focus_charge import USAGE, FocusCharge
from billing.exports.focus_units import focus_unit
from billing.exports.sku import Sku
from billing.models import InvoiceLine
from metering.usage.meter import LABEL

Cells = dict[str, Cell]
_OWN = {
    "x_AgentId": "agent",
    "x_Chip": "chip",
    "x_Modality": "modality",
    "x_Model": "model",
    "x_Provider": "provider",
    "x_ServiceTier": "service_tier",
    "x_TaskId": "task",
    "x_Tool": "tool",
}
# Our own counts, each of the lines whose quantity is in this unit.
_COUNTS = {"x_AgentDays": "agent-day", "x_TaskCount": "task", "x_TokenCount": "token"}


def line_details(line: InvoiceLine, charge: FocusCharge, sku: Sku) -> Cells:
    """What the group, the unit and the charge of the line say."""
    category, subcategory = sku.service if charge.category == USAGE else (None, None)
    service = {"ServiceCategory": category, "ServiceSubcategory": subcategory} if category else {}
    return {
        **service,
        **_consumed(line, charge),
        **_commitment(line, charge, sku),
        **_sku(line, charge, sku),
        **_resource(line),
        **_own(line, sku),
        "RegionId": line.group.get("region") or None,
        "RegionName": line.group.get("region") or None,
        "Tags": _tags(line),
    }


def _consumed(line: InvoiceLine, charge: FocusCharge) -> Cells:
    if charge.category != USAGE or charge.unused:
        return {}
    return {"ConsumedQuantity": Pointed(line.quantity), "ConsumedUnit": focus_unit(line.unit)}


def _commitment(line: InvoiceLine, charge: FocusCharge, sku: Sku) -> Cells:
    """What falls short of a commitment is its unused part."""
    if not charge.unused:
        return {}
    return {
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountId": f"{line.invoice.tenant_id}/{sku.id}",
        "CommitmentDiscountName": sku.code,
        "CommitmentDiscountQuantity": Pointed(charge.cost),
        "CommitmentDiscountStatus": "Unused",
        "CommitmentDiscountType": "Minimum spend",
        "CommitmentDiscountUnit": line.invoice.currency,
    }


def _sku(line: InvoiceLine, charge: FocusCharge, sku: Sku) -> Cells:
    if charge.price.quantity is None:
        return {}
    return {
        "SkuId": sku.id,
        "SkuMeter": sku.counts if charge.category == USAGE else line.kind,
        "SkuPriceDetails": json.dumps({"x_PriceKey": line.key}, ensure_ascii=False),
        "SkuPriceId": sku.price_id(line.key),
    }


def _resource(line: InvoiceLine) -> Cells:
    """The agent that the line is about, if it is about one."""
    agent = line.group.get("agent")
    return {"ResourceId": agent, "ResourceType": "Agent"} if agent else {}


def _own(line: InvoiceLine, sku: Sku) -> Cells:
    own: Cells = {
        column: line.group.get(name) or sku.filtered(name) or None for column, name in _OWN.items()
    }
    counts = {name: Pointed(line.quantity) for name, unit in _COUNTS.items() if line.unit == unit}
    value = sku.meter.value if sku.meter else ""
    return (
        own
        | counts
        | {
            "x_PlanId": sku.plan,
            "x_TokenClass": value if value.endswith("_tokens") else None,
        }
    )


def _tags(line: InvoiceLine) -> str | None:
    """The labels that the charge is grouped by."""
    tags = {
        name.removeprefix(LABEL): value
        for name, value in line.group.items()
        if name.startswith(LABEL)
    }
    return json.dumps(tags, sort_keys=True, ensure_ascii=False) if tags else None
