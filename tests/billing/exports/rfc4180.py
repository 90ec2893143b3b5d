"""RFC 4180 read by its grammar and nothing more: what csv forgives is an error here."""


def read(data: bytes) -> list[list[str]]:
    """The records of a file. Raises ValueError for whatever the grammar does not allow."""
    text = data.decode("utf-8")
    records, record, place = [], [], 0
    while place < len(text):
        field, place = _field(text, place)
        record.append(field)
        if text.startswith(",", place):
            place += 1
        elif text.startswith("\r\n", place):
            records.append(record)
            record, place = [], place + 2
        else:
            raise ValueError(f"neither comma nor CRLF at {place}: {text[place : place + 20]!r}")
    if record:
        raise ValueError("the last record has no CRLF")
    if len({len(one) for one in records}) > 1:
        raise ValueError("records are not of one length")
    return records


def _field(text: str, place: int) -> tuple[str, int]:
    if not text.startswith('"', place):
        end = place
        while end < len(text) and text[end] not in ',\r\n"':
            end += 1
        return text[place:end], end
    value, place = [], place + 1
    while True:
        end = text.index('"', place)
        value.append(text[place:end])
        if not text.startswith('""', end):
            return "".join(value), end + 1
        value.append('"')
        place = end + 2
