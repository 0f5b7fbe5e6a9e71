//! What a layer may set, and what each of them said.

use super::*;

#[test]
fn what_a_layer_may_not_set_is_a_fault_beside_the_others_and_other_layers_may() {
    let permit = |key: &Key, value: &serde_json::Value| {
        let harmless = *key == Key::from("model") || value == "x";
        if harmless {
            Ok(())
        } else {
            Err("not from here")
        }
    };
    let file = SourceFile::toml(
        "p.toml",
        "model = 'm'\nmode = 'careful'\n[lock]\nmax_hold = '2h'\n",
    );
    let layers = || {
        Layers::new()
            .defaults(&defaults())
            .permit(Layer::ProjectFile, permit)
    };
    let error = layers()
        .project_file(&file)
        .resolve::<Settings>()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "project file \"p.toml\" line 2: `mode`: not from here\nproject file \"p.toml\" line 4: `lock.max_hold`: not from here"
    );
    let other = SourceFile::toml("u.toml", "mode = 'careful'");
    assert!(layers().user_file(&other).resolve::<Settings>().is_ok());
}

#[test]
fn a_trail_tells_every_layer_that_spoke_and_shows_no_value_where_it_is_debugged() {
    let resolved = Layers::new()
        .defaults(&defaults())
        .user_file(&user("\nmodel = 'canary'"))
        .environment(&environment(&[("APP_MODEL", "m")]))
        .resolve::<Settings>()
        .unwrap();
    let trail = resolved.trail(&Key::from("model"));
    let said: Vec<_> = trail
        .iter()
        .map(|saying| (saying.origin.to_string(), saying.value.as_str().unwrap()))
        .collect();
    assert_eq!(
        said.iter()
            .map(|(origin, value)| (origin.as_str(), *value))
            .collect::<Vec<_>>(),
        [
            ("defaults", "small"),
            ("user file \"user.toml\" line 2", "canary"),
            ("environment variable APP_MODEL", "m")
        ]
    );
    assert!(!format!("{trail:?}").contains("canary"));
    assert!(resolved.trail(&Key::from("no.such")).is_empty());
}
