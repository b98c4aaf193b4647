"""Ids: UUIDv7, made by the program (never by the database), one type each so that the checker tells them apart."""

from typing import NewType
from uuid import UUID

ShopId = NewType("ShopId", UUID)
StaffId = NewType("StaffId", UUID)
ApiKeyId = NewType("ApiKeyId", UUID)
ClientId = NewType("ClientId", UUID)
InvoiceId = NewType("InvoiceId", UUID)
PaymentId = NewType("PaymentId", UUID)
BulkPaymentId = NewType("BulkPaymentId", UUID)
EntryId = NewType("EntryId", UUID)
NoticeId = NewType("NoticeId", UUID)
EndpointId = NewType("EndpointId", UUID)
ReceiverId = NewType("ReceiverId", UUID)
DeliveryId = NewType("DeliveryId", UUID)
