"""The fields of a protobuf message, for the fixtures that look into SentencePiece models."""


def fields(message):
    """Number, wire type and value (bytes, or the number of a varint) of each field of a message."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = number()
        if key & 7 == 0:
            yield key >> 3, 0, number()
            continue
        size = number() if key & 7 == 2 else 4
        yield key >> 3, key & 7, message[at:at + size]
        at += size
