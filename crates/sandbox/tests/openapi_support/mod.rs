//! The official OpenAPI document as a judge of answers and requests.

pub mod recorder;

use std::path::Path;

use serde_json::{Map, Value, json};

pub struct Document {
    root: Value,
}

impl Document {
    /// `None`, said on stderr, where there is no document.
    pub fn load() -> Option<Document> {
        let beside =
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/supabase-management-openapi.json");
        let path = std::env::var_os("SUPABASE_OPENAPI").map_or_else(beside, Into::into);
        let Ok(text) = std::fs::read(&path) else {
            eprintln!(
                "skipped: there is no official document at {} (set SUPABASE_OPENAPI)",
                path.display()
            );
            return None;
        };
        let mut root: Value = serde_json::from_slice(&text).unwrap();
        to_json_schema(&mut root);
        Some(Document { root })
    }

    /// `METHOD path` of every operation, sorted.
    pub fn operations(&self) -> Vec<String> {
        let paths = self.root["paths"].as_object().unwrap();
        let mut all: Vec<String> = paths
            .iter()
            .flat_map(|(path, methods)| {
                methods
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect();
        all.sort();
        all
    }

    /// The operation that a request means: a path's own words go before its parameters.
    pub fn route(&self, method: &str, path: &str) -> Option<String> {
        let matches = |template: &str| {
            let (parts, template): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), template.split('/').collect());
            let same = |(part, template): (&&str, &&str)| template.starts_with('{') || part == template;
            parts.len() == template.len() && parts.iter().zip(&template).all(same)
        };
        let paths = self.root["paths"].as_object()?.iter();
        let candidates =
            paths.filter(|(template, methods)| methods.get(method.to_lowercase()).is_some() && matches(template));
        let template = candidates
            .map(|(template, _)| template)
            .min_by_key(|template| template.matches('{').count())?;
        Some(format!("{method} {template}"))
    }

    fn operation(&self, route: &str) -> Result<&Value, String> {
        let (method, path) = route.split_once(' ').ok_or("no route")?;
        let operation = self.root["paths"]
            .get(path)
            .and_then(|methods| methods.get(method.to_lowercase()));
        operation.ok_or_else(|| format!("the document has no {route}"))
    }

    /// What the document says of a status: success must have its schema; 400, 404, 405, 413 and 501 are nowhere in it, and
    /// have the form of every failure.
    pub fn check_answer(&self, route: &str, status: u16, answer: &Value) -> Result<(), String> {
        let responses = &self.operation(route)?["responses"];
        let undocumented = matches!(status, 400 | 404 | 405 | 413 | 501);
        match responses.get(status.to_string()) {
            // A stream of bytes, described by the class that carries it on the server.
            Some(response) if response.to_string().contains("/StreamableFile\"") => Ok(()),
            Some(response) if status < 400 => match response.pointer("/content/application~1json/schema") {
                Some(schema) => self.validate(schema, answer),
                None => Ok(()),
            },
            None if !undocumented => Err("a status that the document does not have".to_owned()),
            _ => self.validate(
                &json!({"type": "object", "properties": {"message": {"type": "string", "minLength": 1}}, "required": ["message"]}),
                answer,
            ),
        }
    }

    /// Checks a JSON body against a schema named by the operation's media type.
    pub fn check_body(&self, route: &str, media_type: &str, body: &Value) -> Result<(), String> {
        let content = &self.operation(route)?["requestBody"]["content"];
        let schema = content.get(media_type).and_then(|media| media.get("schema"));
        self.validate(schema.ok_or_else(|| format!("{route} takes no {media_type}"))?, body)
    }

    /// Checks a query: each name known, each value as its schema says, none that is required missing.
    pub fn check_query(&self, route: &str, query: &[(String, String)]) -> Result<(), String> {
        let none = Vec::new();
        let parameters = self.operation(route)?["parameters"].as_array().unwrap_or(&none);
        let of_query = || parameters.iter().filter(|parameter| parameter["in"] == "query");
        for (name, value) in query {
            let known = of_query().find(|parameter| parameter["name"] == json!(name));
            let schema = &known.ok_or_else(|| format!("{route} has no query parameter {name}"))?["schema"];
            // A query has only texts; what the schema wants decides how one is read.
            let typed = if schema["type"] == "string" {
                json!(value)
            } else {
                serde_json::from_str(value).unwrap_or(json!(value))
            };
            self.validate(schema, &typed)?;
        }
        let missing = of_query()
            .find(|one| one["required"] == json!(true) && !query.iter().any(|(name, _)| one["name"] == json!(name)));
        missing.map_or(Ok(()), |parameter| Err(format!("{route} misses {}", parameter["name"])))
    }

    fn validate(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let mut schema = schema.clone();
        if let Some(object) = schema.as_object_mut() {
            object.insert("components".to_owned(), self.root["components"].clone());
        }
        let validator = jsonschema::draft4::new(&schema).map_err(|error| error.to_string())?;
        let wrong: Vec<String> = validator
            .iter_errors(value)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("; "))
        }
    }
}

/// OpenAPI 3.0 as JSON Schema: `nullable` becomes a type, `format: binary` is any text, and an object that lists its
/// properties has no others: a field that the document does not know is a mistake here, though not there.
fn to_json_schema(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(to_json_schema),
        Value::Object(object) => {
            object.values_mut().for_each(to_json_schema);
            if object.get("nullable") == Some(&Value::Bool(true)) {
                allow_null(object);
            }
            let lists = object
                .get("properties")
                .and_then(Value::as_object)
                .is_some_and(|properties| !properties.is_empty());
            if object.get("type") == Some(&json!("object")) && lists && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
        }
        _ => {}
    }
}

fn allow_null(schema: &mut Map<String, Value>) {
    if let Some(Value::String(one)) = schema.get("type").cloned() {
        schema.insert("type".to_owned(), json!([one, "null"]));
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
}
