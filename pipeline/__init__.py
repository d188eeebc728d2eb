"""How it flows: model, ports, adapters, runner, command line."""
