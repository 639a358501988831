package complete
