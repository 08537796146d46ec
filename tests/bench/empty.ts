// Nothing: how long a runtime takes to start and end.
export {};
