"""How posts are signed, as Standard Webhooks has it: HMAC-SHA256 over id, time and body, with the time in a header.

For the sender; a receiver's side is shown in docs/notifications.md. Secrets are read by `addresses.py`.
"""

import base64
import hashlib
import hmac


def signed_headers(key: bytes, event_id: str, at: int, body: bytes) -> dict[str, str]:
    """The headers of a post: id, second of sending, signature. Each attempt has a time, and so a signature, of its own."""
    content = b".".join([event_id.encode(), str(at).encode(), body])
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {"webhook-id": event_id, "webhook-timestamp": str(at), "webhook-signature": f"v1,{signature}"}
