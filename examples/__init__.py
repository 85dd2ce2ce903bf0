"""Which tasks does `config/onebeat.yaml` schedule? One file for each."""
