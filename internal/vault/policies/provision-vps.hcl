# ProvisionVps puts the public half of the tenant's SSH key onto the new server.
path "vps/data/+/admin_ssh"   { capabilities = ["read"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
