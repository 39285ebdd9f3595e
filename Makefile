# Everything these commands need is fetched and built into .cache; what runs lives in .local.

demo: ## back up, lose and restore a real Vault on this machine, with measured times
	go run ./internal/local demo

.PHONY: demo
