//! What a place is called in each way of writing it, and what each provider makes of it.

use esign::{Client, Corner, Document, Error, Origin, Placement, Plan, Result, Severity, try_place};
use serde::Deserialize;
use serde_json::{Value, json};

/// A box as the page sends it: points, lower-left origin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    page: u32,
    x: f64,
    y: f64,
    /// The wished size; absent for the provider's own.
    size: Option<(f64, f64)>,
}

impl Place {
    pub(super) async fn answer(&self, client: &Client, document: &Document) -> Result<Value> {
        let plans = try_place(client, document, &self.placement()?).await?;
        let providers: Vec<_> = plans.iter().map(provider).collect();
        Ok(
            json!({ "toml": self.toml(), "json": self.json(), "command": self.command(), "providers": providers }),
        )
    }

    fn placement(&self) -> Result<Placement> {
        let (width, height) = self.size.unwrap_or_default();
        for (field, points) in [("x", self.x), ("y", self.y), ("width", width), ("height", height)] {
            // No page is larger than 14,400 units of at most 75,000 points (ISO 32000-1, annex C).
            if points.is_nan() || points.abs() > 1e9 {
                return Err(Error::invalid(field, "a number of points is needed, of at most 1,000,000,000"));
            }
        }
        let placement =
            Placement::points(self.page, tidy(self.x), tidy(self.y), Origin::BottomLeft, Corner::BottomLeft);
        Ok(match self.size {
            Some((width, height)) => placement.sized(tidy(width), tidy(height)),
            None => placement,
        })
    }

    /// One line of a request file.
    fn toml(&self) -> String {
        let size = self.size.map_or_else(String::new, |(width, height)| {
            format!(", size = {{ width = {}, height = {} }}", tidy(width), tidy(height))
        });
        format!(
            "placements = [{{ page = {}, x = {}, y = {}, unit = \"points\", origin = \"bottom-left\", corner = \
             \"bottom-left\"{size} }}]",
            self.page,
            tidy(self.x),
            tidy(self.y)
        )
    }

    fn json(&self) -> String {
        let size = self.size.map_or_else(String::new, |(width, height)| {
            format!(r#", "size": {{ "width": {}, "height": {} }}"#, tidy(width), tidy(height))
        });
        format!(
            r#"{{ "page": {}, "x": {}, "y": {}, "unit": "points", "origin": "bottom-left", "corner": "bottom-left"{size} }}"#,
            self.page,
            tidy(self.x),
            tidy(self.y)
        )
    }

    fn command(&self) -> String {
        format!("--at {},{},{},points,bottom-left,bottom-left", self.page, tidy(self.x), tidy(self.y))
    }
}

/// To a hundredth of a point: finer than any provider, and short to write.
fn tidy(points: f64) -> f64 {
    let rounded = (points * 100.0).round() / 100.0;
    if rounded == 0.0 { 0.0 } else { rounded }
}

/// The parts of a plan that are about the place.
fn provider(plan: &Plan) -> Value {
    const AT: &str = "signers[0].placements[0]";
    let about = |field: &str| field == AT || field.starts_with(&format!("{AT}."));
    let findings = plan.findings.iter().filter(|finding| finding.field.as_deref().is_some_and(about));
    let findings: Vec<_> = findings
        .map(|finding| {
            let severity = match finding.severity {
                Severity::Refusal => "refused",
                Severity::Warning => "warning",
                _ => "note",
            };
            let allow = finding.allow.as_ref().map(|line| format!("; allowed by {line}")).unwrap_or_default();
            json!({ "severity": severity, "message": format!("{}{allow}", finding.message) })
        })
        .collect();
    let place = plan.placements.first();
    let area = place.and_then(|place| place.placed.area);
    let numbers = place.and_then(|place| place.sent_as.as_ref());
    let placement = numbers.map(|native| {
        format!(
            "native = {{ kind = \"{}\", page = {}, x = \"{}\", y = \"{}\" }}",
            native.kind, native.page, native.x, native.y
        )
    });
    json!({
        "name": plan.instance,
        "kind": plan.kind,
        "box": area.map(|area| [area.x, area.y, area.width, area.height]),
        "numbers": placement,
        "findings": findings,
    })
}

#[cfg(test)]
mod tests {
    use esign::Spot;

    use super::*;

    #[test]
    fn numbers_that_no_page_has_are_refused_and_never_written() {
        for (x, y, size) in [
            (1e308, 0.0, None),
            (0.0, -1e308, None),
            (f64::NAN, 0.0, None),
            (0.0, 0.0, Some((1e307, 1.0))),
            (0.0, 0.0, Some((1.0, f64::INFINITY))),
        ] {
            let error = Place { page: 1, x, y, size }.placement().unwrap_err();
            assert!(error.message().contains("number of points"), "{error}");
        }
    }

    #[test]
    fn every_way_of_writing_a_place_is_read_back_as_it() {
        let place = Place { page: 2, x: 62.004, y: -0.001, size: Some((100.0, 40.5)) };
        let request = format!(
            "version = 1\ndelivery = \"shareable-link\"\n[[documents]]\npath = \"a.pdf\"\n[[signers]]\nkey = \"a\"\n{}",
            place.toml()
        );
        let file: esign::RequestFile = toml::from_str(&request).unwrap();
        let request = file.into_request(|_| Ok(bytes::Bytes::new())).unwrap();
        let expected = place.placement().unwrap();
        assert_eq!(request.signers[0].placements, std::slice::from_ref(&expected));
        let Spot::Page(position) = expected.spot else { panic!("a position") };
        assert_eq!((position.x, position.y), (62.0, 0.0));
        let json: Value = serde_json::from_str(&place.json()).unwrap();
        assert_eq!((&json["x"], &json["size"]["height"]), (&json!(62), &json!(40.5)));
        assert_eq!(place.command(), "--at 2,62,0,points,bottom-left,bottom-left");
    }
}
