# ClaimIncident takes a tenant's password out of what was written about its leak.
path "smtp/data/+/admin"         { capabilities = ["read"] }
path "smtp/data/+/admin-pending" { capabilities = ["read"] }
path "transit/decrypt/smtp"      { capabilities = ["update"] }
path "auth/token/revoke-self"    { capabilities = ["update"] }
