"""What a user's tokens say, by the names that the user pool and the local users share."""

# Groups of the pool, each a role of the access rule.
ROLES = ("user", "org_member", "org_admin", "super_admin")
# A custom attribute that only administrators write.
ORGANIZATION_ATTRIBUTE = "organization_id"
