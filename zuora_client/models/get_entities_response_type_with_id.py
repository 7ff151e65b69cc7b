"""The response to the read of one entity."""

from __future__ import annotations

from .base import Model


class GETEntitiesResponseTypeWithId(Model):
    """One entity of the tenant: the fields of `GETEntitiesType`, and `success`.

    Attributes:
        display_name: the display name.
        id: id of the entity, as 32 hexadecimal digits.
        locale: the locale, for example ``en_US``.
        name: the name, unique in the tenant: letters, digits, spaces, periods and hyphens, at most 255 characters.
        parent_id: id of the parent entity; None for the root, which Zuora calls the global entity.
        status: ``Provisioned`` or ``Unprovisioned``.
        success: whether the call succeeded.
        tenant_id: id of the tenant, as text of digits.
        timezone: the time zone, for example ``America/Los_Angeles``.
    """

    swagger_types = {
        "display_name": "str",
        "id": "str",
        "locale": "str",
        "name": "str",
        "parent_id": "str",
        "status": "str",
        "success": "bool",
        "tenant_id": "str",
        "timezone": "str",
    }
    attribute_map = {
        "display_name": "displayName",
        "id": "id",
        "locale": "locale",
        "name": "name",
        "parent_id": "parentId",
        "status": "status",
        "success": "success",
        "tenant_id": "tenantId",
        "timezone": "timezone",
    }

    def __init__(
        self,
        display_name: str | None = None,
        id: str | None = None,
        locale: str | None = None,
        name: str | None = None,
        parent_id: str | None = None,
        status: str | None = None,
        success: bool | None = None,
        tenant_id: str | None = None,
        timezone: str | None = None,
    ) -> None:
        self.display_name = display_name
        self.id = id
        self.locale = locale
        self.name = name
        self.parent_id = parent_id
        self.status = status
        self.success = success
        self.tenant_id = tenant_id
        self.timezone = timezone
