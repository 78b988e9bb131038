// Starts Swagger UI on the schema that the page names.
SwaggerUIBundle({
  url: document.currentScript.dataset.schema,
  dom_id: "#documentation",
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
  validatorUrl: null, // it would send the schema elsewhere
  presets: [SwaggerUIBundle.presets.apis],
});
